import CJobHTTP
import Glibc
import Harness
import Testing

/// Streamed replies: from memory and from files, at the speed of the peer.
struct ServerStreamTests {
  private func withServer(
    file bytes: [UInt8] = [], _ adjust: (inout jc_server_options) -> Void = { _ in },
    _ body: (TestServer, Authority.Identity) throws -> Void
  ) throws {
    let authority = try Authority()
    let alice = try authority.issue("alice")
    let server = try TestServer(authority, adjust)
    defer { server.stop() }
    let path = authority.directory + "/served"
    try Self.append(bytes, to: path)
    _ = server.onLoop { server in
      server.file = path
      return true
    }
    try body(server, alice)
  }

  private static func append(_ bytes: [UInt8], to path: String) throws {
    let file = try #require(fopen(path, "a"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    fclose(file)
  }

  private static let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 11) }

  @Test func writingWaitsForThePeer() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice, receiveBuffer: 4096)
      try client.send("GET /pour HTTP/1.1\r\nHost: a\r\n\r\n")
      let reply = try client.reply()
      #expect(reply.body.count == 20_000_000 && reply.body.allSatisfy { $0 == 0x61 })
      #expect(server.seen.writable > 10)
      server.wait { $0.ended == [true] }
      #expect(try client.get("/plain?after").text == "after")
    }
  }

  @Test func aLargeReplyAtOnce() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice, receiveBuffer: 4096)
      let reply = try client.get("/large")
      #expect(reply.body.count == 3_000_000)
      #expect(try client.get("/plain?after").text == "after")
    }
  }

  /// Around what the server puts together for one send, head and all.
  @Test func aChunkedReplyOfAnyLengthHasItsEnd() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice)
      for length in stride(from: 131_072 - 400, through: 131_072, by: 2) {
        try #require(try client.get("/chunked?\(length)").body.count == length)
      }
    }
  }

  @Test func files() throws {
    try withServer(file: Self.bytes) { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\nGET /chunked-file HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.reply().body == Self.bytes)
      #expect(try client.reply().body == Array(Self.bytes[10...]))
      try client.send("HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.reply(toHead: true).fields["content-length"] == "\(Self.bytes.count)")
      #expect(try client.get("/plain?after").text == "after")
      server.wait { $0.ended == [true, true, true] }
    }
  }

  @Test func aFileThatGrowsIsFollowed() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /follow HTTP/1.1\r\nHost: a\r\n\r\n")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      let path = server.onLoop { $0.file }
      var limit = 0
      for piece in [1, 70_000, 300_000, 5] {
        try Self.append(Array(Self.bytes[limit..<limit + piece]), to: path)
        limit += piece
        _ = server.onLoop { [limit] server in
          jc_reply_file_extend(server.firstHeld()!, UInt64(limit))
          return true
        }
      }
      _ = server.onLoop { server in
        jc_reply_end(server.firstHeld()!)
        return true
      }
      #expect(try client.reply().body == Array(Self.bytes[..<limit]))
    }
  }

  /// The peer must be able to tell that the body is not whole.
  @Test func aFileThatIsTooShortBreaksTheReplyOff() throws {
    try withServer(file: Self.bytes) { server, alice in
      let client = try RawClient(server, alice)
      #expect(throws: RawClient.Failure.self) { try client.get("/short-file") }
      server.wait { $0.ended == [false] }
      #expect(server.seen.failures == ["the file of a reply ended early"])
    }
  }

  @Test func anAbortedReplyIsUnfinished() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      _ = server.onLoop { server in
        jc_reply_abort(server.firstHeld()!)
        return true
      }
      #expect(throws: RawClient.Failure.self) { try client.reply() }
      server.wait { $0.ended == [false] && $0.closed == 1 }
    }
  }

  @Test(arguments: [true, false])
  func aPeerThatLeavesIsNoticed(inOrder: Bool) throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      if inOrder { client.shutDown() } else { client.hangUp() }
      server.wait { $0.ended == [false] && $0.closed == 1 }
      #expect(server.onLoop { $0.firstHeld() == nil })
    }
  }

  /// Requests that come while a reply goes on are kept, but not without end.
  @Test func inputIsBoundedWhileAReplyGoesOn() throws {
    try withServer { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
      var limit = timeval(tv_sec: 0, tv_usec: 200_000)
      setsockopt(client.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let request = [UInt8]("GET /plain?x HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      let many = [UInt8]((0..<1000).flatMap { _ in request })
      var sent = 0
      while sent < 2000, (try? client.send(many)) != nil { sent += 1 }
      #expect(sent < 2000)
    }
  }
}
