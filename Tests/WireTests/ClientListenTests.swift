import CJobWire
import Glibc
import Testing

/// What a server says to a request whose body is still being written.
struct ClientListenTests {
  private static func progress(_ offset: Int) -> String {
    "HTTP/1.1 104 On\r\nUpload-Offset: \(offset)\r\n\r\n"
  }
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

  @Test func interimRepliesAndTheReplyAreHeard() throws {
    try withServer { peer in
      peer.read()
      peer.send(Self.progress(1) + Self.progress(2))
      peer.read(through: "x\r\n")
      peer.send(Self.progress(3), Self.ok)
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      #expect(try client.listen() == JW_HEARD_INTERIM)
      while client.header("upload-offset") != "2" { #expect(try client.listen() == JW_HEARD_INTERIM) }
      #expect(try client.listen(milliseconds: 1) == JW_HEARD_NOTHING)
      try client.write(Array("x".utf8))
      #expect(try client.listen() == JW_HEARD_INTERIM && client.header("upload-offset") == "3")
      #expect(try client.listen() == JW_HEARD_REPLY && client.header("upload-offset") == "3")
      #expect(try client.reply() == 200 && client.body() == Array("{}".utf8) && !client.isReusable)
    }
  }

  @Test func inputIsHeard() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    try withServer { peer in
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      #expect(try client.listen(ends[0], milliseconds: 1) == JW_HEARD_NOTHING)
      close(ends[1])
      #expect(try client.listen(ends[0]) == JW_HEARD_INPUT, "an end too")
    }
  }

  @Test func anEndAndNonsenseAreErrors() throws {
    for answer in ["", "HTTP/1.1 104", "what?"] {
      try withServer { peer in
        peer.read()
        peer.send(answer)
        peer.sayGoodbye()
      } _: { settings in
        let client = try WireClient(settings)
        try client.request("PUT", length: -1)
        let error = failure { _ = try client.listen() }
        #expect(error?.kind == (answer == "what?" ? JW_FAIL_PROTOCOL : JW_FAIL_CLOSED), "\(answer)")
      }
    }
  }

  /// The server takes nothing for twice as long as the client waits, and says all the time that it is there.
  @Test func aServerThatSpeaksIsWaitedFor() throws {
    let block = [UInt8](repeating: 0x78, count: 1 << 20)
    try withServer { peer in
      peer.read()
      for offset in 0..<24 {
        peer.send(Self.progress(offset))
        usleep(250_000)
      }
      peer.read(through: "0\r\n\r\n")
      peer.send(Self.ok)
      peer.waitForEnd()
    } _: { settings in
      var settings = settings
      settings.replyTime = 3000
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      // More than any socket's buffers hold.
      for _ in 0..<24 { try client.write(block) }
      #expect(client.header("upload-offset") == "23")
      try client.writeEnd()
      #expect(try client.reply() == 200)
    }
  }

  @Test func aServerThatIsSilentIsGivenUp() throws {
    let block = [UInt8](repeating: 0x78, count: 1 << 20)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    let end = ends[0]
    try withServer { peer in
      var byte: UInt8 = 0
      _ = read(end, &byte, 1)
    } _: { settings in
      defer { close(ends[1]) }
      var settings = settings
      settings.replyTime = 100
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      let error = failure { for _ in 0..<64 { try client.write(block) } }
      #expect(error?.kind == JW_FAIL_TIMEOUT)
    }
  }
}
