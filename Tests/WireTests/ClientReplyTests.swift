import CJobWire
import Glibc
import Testing

/// How replies are read.
struct ClientReplyTests {
  /// The reply a client makes of these records, each of which is sent as one; then the server says goodbye.
  private func exchange(
    _ pieces: [String], method: String = "GET", step: Int = 65536,
    check: (WireClient) throws -> Void = { _ in }
  ) throws -> (status: Int, body: String) {
    var result = (status: 0, body: "")
    try withServer { peer in
      peer.read()
      for piece in pieces { peer.send(piece) }
      peer.sayGoodbye()
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request(method)
      result.status = try client.reply()
      result.body = String(decoding: try client.body(step: step), as: UTF8.self)
      #expect(try client.read().isEmpty, "the end stays the end")
      try check(client)
    }
    return result
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, ""),
    (
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: a\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nhi",
      201, "hi"
    ),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""), ("HTTP/1.1 304 \r\nContent-Length: 7\r\n\r\n", 304, ""),
    (
      "HTTP/1.1 404 nö\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
      404, "abc0123456789"
    ),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"),
    ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
  ])
  func bodies(text: String, status: Int, body: String) throws {
    #expect(try exchange([text]) == (status, body))
    #expect(try exchange([text], step: 1) == (status, body))
    #expect(try exchange(text.unicodeScalars.map(String.init)) == (status, body))
  }

  @Test func headHasNoBody() throws {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    #expect(try exchange([text], method: "HEAD") == (200, ""))
    #expect(
      try exchange(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], method: "HEAD") == (200, ""))
  }

  @Test func headers() throws {
    let text =
      "HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\nEmpty:\r\nSpaced: \t a b \t\r\nContent-Length: 1\r\n\r\n!"
    _ = try exchange([text]) { client in
      #expect(client.header("x-ONE") == "1")
      #expect(client.header("empty") == "")
      #expect(client.header("Spaced") == "a b")
      #expect(client.header("x-on") == nil)
    }
  }

  @Test(arguments: [
    ("Content-Length: 0\r\n", true), ("Content-Length: 0\r\nConnection: keep-alive\r\n", true),
    ("Content-Length: 0\r\nConnection: close\r\n", false),
    ("Content-Length: 0\r\nConnection: x , CLOSE\r\n", false),
  ])
  func reuse(fields: String, kept: Bool) throws {
    try withServer { peer in
      peer.read()
      peer.send("HTTP/1.1 200 OK\r\n\(fields)\r\n")
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      #expect(client.isReusable)
      try client.request("GET")
      #expect(try client.reply() == 200)
      #expect(client.isReusable == kept)
    }
  }

  /// What an idle connection brings makes it useless: an end, or bytes nobody asked for.
  @Test(arguments: [true, false])
  func anIdleConnectionThatSpeaks(says: Bool) throws {
    try withServer { peer in
      peer.read()
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      if says { peer.send("HTTP/1.1 408 Late\r\n\r\n") } else { peer.sayGoodbye() }
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request("GET")
      #expect(try client.reply() == 200)
      while client.isReusable { usleep(1000) }
    }
  }

  @Test(arguments: [true, false])
  func largeBodies(chunked: Bool) throws {
    let block = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    try withServer { peer in
      peer.read()
      peer.send(
        "HTTP/1.1 200 OK\r\n\(chunked ? "Transfer-Encoding: chunked" : "Content-Length: 8000000")\r\n\r\n")
      for _ in 0..<80 {
        if chunked { peer.send("186a0\r\n") }
        peer.send(block)
        if chunked { peer.send("\r\n") }
      }
      if chunked { peer.send("0\r\n\r\n") }
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request("GET")
      try client.request("GET")
      #expect(try client.reply() == 200)
      let body = try client.body(step: 1 << 18)
      #expect(body.count == 8_000_000)
      let same = (0..<80).allSatisfy {
        body[($0 * block.count)..<(($0 + 1) * block.count)].elementsEqual(block)
      }
      #expect(same)
      #expect(try client.reply() == 200 && client.body() == Array("next".utf8))
    }
  }

  /// What was not read of a body is skipped.
  @Test func theNextReplyIsFoundBehindAnUnreadBody() throws {
    try withServer { peer in
      for _ in 0..<2 { peer.read() }
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n")
      peer.send([UInt8](repeating: 0x20, count: 20_000))
      peer.send("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      for _ in 0..<2 { try client.request("GET") }
      #expect(try client.reply() == 200 && client.read(most: 10).count == 10 && client.reply() == 201)
    }
  }
}
