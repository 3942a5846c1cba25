import CJobHTTP
import FoundationEssentials
import Glibc
import Harness
import Testing

/// HTTP/1.1 as the server speaks it, over real TLS.
struct ServerTests {
  private func withServer(
    _ adjust: (inout jc_server_options) -> Void = { _ in },
    _ body: (TestServer, () throws -> RawClient) throws -> Void
  ) throws {
    let authority = try Authority()
    let alice = try authority.issue("alice")
    let server = try TestServer(authority, adjust)
    defer { server.stop() }
    try body(server) { try RawClient(server, alice) }
  }

  private static func request(_ method: String, _ path: String, _ fields: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
  }

  @Test func aReply() throws {
    try withServer { server, connect in
      let client = try connect()
      let reply = try client.get("/plain?hello")
      #expect(reply.status == 200 && reply.text == "hello" && reply.fields["x-extra"] == "1")
      #expect(reply.fields["content-type"] == "text/plain" && reply.fields["connection"] == nil)
      let date = try #require(reply.fields["date"])
      #expect(date.hasSuffix(" GMT") && date.utf8.count == 29)
      #expect(try client.get("/tag").text == "5")
      #expect(server.seen.opened == ["alice"])
    }
  }

  @Test func manyRequestsInOnePieceAreAnsweredInOrder() throws {
    try withServer { _, connect in
      let client = try connect()
      try client.send((0..<2000).map { Self.request("GET", "/plain?\($0)") }.joined())
      for number in 0..<2000 { #expect(try client.reply().text == "\(number)") }
    }
  }

  @Test func aRequestByteByByte() throws {
    try withServer { _, connect in
      let client = try connect()
      for byte in (Self.request("PUT", "/whole", "Content-Length: 4\r\n") + "body").utf8 {
        try client.send([byte])
      }
      #expect(try client.reply().text == "body")
    }
  }

  @Test func aLaterReplyKeepsItsPlace() throws {
    try withServer { server, connect in
      let client = try connect()
      try client.send(Self.request("GET", "/plain?1") + Self.request("GET", "/hold"))
      try client.send(Self.request("GET", "/plain?3"))
      #expect(try client.reply().text == "1")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      let id = server.onLoop { server in
        let id = server.held[0]
        TestServer.reply(server.firstHeld()!, "2")
        return id
      }
      #expect(try client.reply().text == "2")
      #expect(try client.reply().text == "3")
      #expect(server.onLoop { jc_server_exchange($0.server!, id) == nil })
      #expect(server.seen.ended == [true])
    }
  }

  @Test func headTellsTheLengthOnly() throws {
    try withServer { _, connect in
      let client = try connect()
      try client.send(Self.request("HEAD", "/plain?four") + Self.request("GET", "/plain?next"))
      let reply = try client.reply(toHead: true)
      #expect(reply.status == 200 && reply.fields["content-length"] == "4")
      #expect(try client.reply().text == "next")
      try client.send(Self.request("HEAD", "/pour"))
      #expect(try client.reply(toHead: true).fields["transfer-encoding"] == "chunked")
      #expect(try client.get("/plain?after").text == "after")
    }
  }

  @Test func aReplyWithoutContent() throws {
    try withServer { _, connect in
      let client = try connect()
      let reply = try client.get("/none")
      #expect(reply.status == 204 && reply.fields["content-length"] == nil)
      #expect(try client.get("/plain?after").text == "after")
    }
  }

  @Test func closeIsHonouredAndAnnounced() throws {
    try withServer { _, connect in
      let client = try connect()
      let reply = try client.get("/plain?x", "Connection: close\r\n")
      #expect(reply.fields["connection"] == "close")
      let rest = client.rest()
      #expect(rest.bytes.isEmpty && rest.closedInOrder)
    }
  }

  @Test func httpOneZero() throws {
    try withServer { _, connect in
      let client = try connect()
      let reply = try client.ask("GET /plain?x HTTP/1.0\r\n\r\n")
      #expect(reply.text == "x" && reply.fields["connection"] == "close")
      #expect(client.rest().closedInOrder)
      let streamed = try connect()
      let head = try streamed.ask("GET /pour HTTP/1.0\r\n\r\n")
      #expect(head.fields["transfer-encoding"] == nil && head.fields["content-length"] == nil)
      #expect(streamed.rest().bytes.count == 20_000_000)
    }
  }

  @Test func aFieldThatIsNoFieldBreaksTheConnection() throws {
    try withServer { server, connect in
      for number in TestServer.malformedFields.indices {
        let client = try connect()
        try client.send(Self.request("GET", "/malformed?\(number)"))
        #expect(client.rest().bytes.isEmpty)
      }
      server.wait { $0.failures.count == TestServer.malformedFields.count }
    }
  }

  @Test func problemsAreJSON() throws {
    struct Problem: Decodable {
      var type, title, detail, error: String
      var status: Int
    }
    try withServer { _, connect in
      let reply = try connect().get("/problem")
      #expect(reply.fields["content-type"] == "application/problem+json" && reply.fields["x-extra"] == "1")
      let problem = try JSONDecoder().decode(Problem.self, from: Data(reply.body))
      #expect(problem.detail == "quote \" slash \\ tab \t é \u{fffd}\u{fffd}\u{fffd}")
      #expect(problem.error == problem.detail && problem.title == "Conflict" && problem.status == 409)
      #expect(problem.type == "about:blank")
    }
  }

  @Test func bodies() throws {
    try withServer { server, connect in
      let client = try connect()
      let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      try client.send(Self.request("PUT", "/whole", "Content-Length: \(large.count)\r\n"))
      try client.send(large)
      #expect(try client.reply().body == large)
      let chunks = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
      try client.send(Self.request("PUT", "/whole", "Transfer-Encoding: chunked\r\n") + chunks)
      #expect(try client.reply().text == "abcde")
      #expect(try client.ask(Self.request("PUT", "/whole")).text == "")
      #expect(server.seen.bodyPieces == 3)
    }
  }

  @Test func aStreamedBodyWaitsWhileItIsPaused() throws {
    try withServer { server, connect in
      let client = try connect()
      let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      let sum = body.reduce(0) { ($0 &* 31) &+ Int($1) }
      try client.send(Self.request("PUT", "/paused", "Content-Length: \(body.count)\r\n"))
      try client.send(Array(body[..<50_000]))
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      #expect(server.seen.bodyPieces == 0)
      _ = server.onLoop { server in
        jc_exchange_resume_body(server.firstHeld()!)
        return true
      }
      try client.send(Array(body[50_000...]))
      #expect(try client.reply().text == "\(body.count) \(sum)")
    }
  }

  @Test func aBodyOverTheLimit() throws {
    try withServer { server, connect in
      let sized = try connect()
      let reply = try sized.ask(Self.request("PUT", "/whole", "Content-Length: 1048577\r\n"))
      #expect(reply.status == 413 && reply.fields["connection"] == "close")
      #expect(sized.rest().closedInOrder)
      let chunked = try connect()
      try chunked.send(Self.request("PUT", "/whole", "Transfer-Encoding: chunked\r\n") + "100001\r\n")
      try chunked.send([UInt8](repeating: 0x61, count: 0x100001))
      #expect(try chunked.reply().status == 413)
      // A streamed body has no limit but the handler's own.
      let streamed = try connect()
      try streamed.send(Self.request("PUT", "/stream", "Content-Length: 3000000\r\n"))
      try streamed.send([UInt8](repeating: 0, count: 3_000_000))
      #expect(try streamed.reply().text == "3000000 0")
      #expect(server.seen.failures.count == 2)
    }
  }

  @Test func malformedChunksAreRefused() throws {
    try withServer { server, connect in
      let client = try connect()
      let reply = try client.ask(Self.request("PUT", "/whole", "Transfer-Encoding: chunked\r\n") + "x\r\n")
      #expect(reply.status == 400)
      #expect(client.rest().closedInOrder)
      #expect(server.seen.failures == ["malformed chunked body"])
    }
  }

  @Test func expectations() throws {
    try withServer { _, connect in
      let client = try connect()
      let fields = "Content-Length: 4\r\nExpect: 100-continue\r\n"
      #expect(try client.ask(Self.request("PUT", "/whole", fields)).status == 100)
      try client.send("body")
      #expect(try client.reply().text == "body")
      // A client that sends its body unasked is not told to go on.
      #expect(try client.ask(Self.request("PUT", "/whole", fields) + "body").text == "body")
      // A final answer instead of 100: whether the body comes is unknown, so the connection ends.
      let refused = try client.ask(Self.request("PUT", "/early", fields))
      #expect(refused.status == 200 && refused.fields["connection"] == "close")
      #expect(client.rest().closedInOrder)
    }
  }

  @Test func anUnwantedBodyIsSkipped() throws {
    try withServer { _, connect in
      let client = try connect()
      try client.send(Self.request("PUT", "/early", "Content-Length: 100000\r\n"))
      #expect(try client.reply().text == "no body wanted")
      try client.send([UInt8](repeating: 0, count: 100_000))
      #expect(try client.get("/plain?after").text == "after")
      let large = try client.ask(Self.request("PUT", "/early", "Content-Length: 10000000\r\n"))
      #expect(large.fields["connection"] == "close")
    }
  }

  private static let refused: [(status: Int, text: String)] = [
    (400, "GET / HTTP/1.1\r\n\r\n"),
    (400, request("PUT", "/whole", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc"),
    (400, request("PUT", "/whole", "Content-Length: 3\r\nContent-Length: 3\r\n") + "abc"),
    (400, request("PUT", "/whole", "Content-Length: +3\r\n") + "abc"),
    (400, request("GET", "/plain", "X: a\r\n b\r\n")), (400, request("GET", "/plain", "X: a\rb\r\n")),
    (400, request("GET", "/plain", "X : a\r\n")), (400, request("GET", "/plain", "Host: localhost\r\n")),
    (400, "GET /plain HTTP/1.1\nHost: localhost\n\n"), (414, "GET /" + String(repeating: "a", count: 9000)),
    (431, request("GET", "/plain", "X: " + String(repeating: "a", count: 17000) + "\r\n")),
    (417, request("PUT", "/whole", "Content-Length: 1\r\nExpect: tea\r\n")),
    (501, request("PUT", "/whole", "Transfer-Encoding: gzip\r\n")), (505, "GET / HTTP/3.0\r\n\r\n"),
  ]

  @Test(arguments: refused)
  func whatIsRefusedClosesTheConnection(status: Int, text: String) throws {
    try withServer { server, connect in
      let client = try connect()
      // What comes after a refused request must not be taken for another one.
      try client.send(text + Self.request("GET", "/plain?smuggled"))
      let reply = try client.reply()
      #expect(reply.status == status && reply.fields["connection"] == "close")
      #expect(reply.fields["content-type"] == "application/problem+json")
      let rest = client.rest()
      #expect(rest.bytes.isEmpty && rest.closedInOrder)
      #expect(server.seen.failures.count == 1)
    }
  }
}
