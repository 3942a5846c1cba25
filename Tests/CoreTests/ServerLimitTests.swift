import CJobHTTP
import CJobLoop
import Glibc
import Harness
import Testing

/// Time-outs, the number of connections, and the orderly end.
struct ServerLimitTests {
  private func withServer(
    maxConnections: Int = 64, _ adjust: (inout jc_server_options) -> Void = { _ in },
    _ body: (TestServer, Authority.Identity) throws -> Void
  ) throws {
    let authority = try Authority()
    let server = try TestServer(authority, maxConnections: maxConnections, adjust)
    defer { server.stop() }
    try body(server, try authority.issue("alice"))
  }

  @Test func handshakeInTime() throws {
    try withServer {
      $0.handshake_ms = 100
    } _: { server, _ in
      let descriptor = try RawClient.connect(server.port)
      server.wait { $0.failures == ["the handshake took too long"] }
      var byte: UInt8 = 0
      #expect(read(descriptor, &byte, 1) <= 0)
      close(descriptor)
    }
  }

  @Test func headInTime() throws {
    try withServer {
      $0.head_ms = 500
    } _: { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET / HTTP/1.1\r\nHo")
      #expect(try client.reply().status == 408)
      #expect(client.rest().closedInOrder)
      #expect(server.seen.failures == ["the request head did not come in time"])
    }
  }

  /// What the kernel has for one that vanished does not keep it longer than what this process has.
  @Test func aPeerThatVanishedIsNoticedByTheKernel() throws {
    try withServer {
      $0.write_ms = 12_345
    } _: { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try client.reply()
      let accepted = (3..<4096).filter { Self.isAccepted($0, by: server.port) }
      let times = accepted.map { descriptor in
        var (value, size) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
        getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &value, &size)
        return value
      }
      #expect(times == [12_345])
    }
  }

  private static func isAccepted(_ descriptor: Int32, by port: UInt16) -> Bool {
    var (own, peer) = (sockaddr_in6(), sockaddr_in6())
    func ask(
      _ address: inout sockaddr_in6, _ get: (Int32, UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32
    ) -> Bool {
      var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
      return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { get(descriptor, $0, &size) == 0 }
      }
    }
    return ask(&own) { getsockname($0, $1, &$2) } && ask(&peer) { getpeername($0, $1, &$2) }
      && UInt16(bigEndian: own.sin6_port) == port
  }

  @Test func bodyInTime() throws {
    try withServer {
      $0.body_ms = 100
    } _: { server, alice in
      let client = try RawClient(server, alice)
      try client.send("PUT /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
      #expect(try client.reply().status == 408)
      #expect(client.rest().closedInOrder)
      #expect(server.seen.ended == [true])
    }
  }

  /// While its handler does not take it, a body may take its time.
  @Test func aPausedBodyHasNoTimeOut() throws {
    try withServer {
      $0.body_ms = 50
    } _: { server, alice in
      let client = try RawClient(server, alice)
      try client.send("PUT /paused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      // Another connection's time-out shows that the time has passed.
      let other = try RawClient(server, alice)
      try other.send("PUT /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
      #expect(try other.reply().status == 408)
      try client.send("de")
      _ = server.onLoop { server in
        jc_exchange_resume_body(server.firstHeld()!)
        return true
      }
      #expect(try client.reply().status == 200)
    }
  }

  @Test func idleConnectionsAreClosedInOrder() throws {
    try withServer {
      $0.idle_ms = 1000
    } _: { server, alice in
      let client = try RawClient(server, alice)
      #expect(try client.get("/plain?x").text == "x")
      let rest = client.rest()
      #expect(rest.bytes.isEmpty && rest.closedInOrder)
      #expect(server.seen.failures.isEmpty)
    }
  }

  @Test func aPeerThatDoesNotRead() throws {
    try withServer {
      $0.write_ms = 100
    } _: { server, alice in
      let client = try RawClient(server, alice, receiveBuffer: 4096)
      try client.send("GET /pour HTTP/1.1\r\nHost: a\r\n\r\n")
      server.wait { $0.failures == ["the peer does not read its reply"] && $0.ended == [false] }
      waitUntil { server.connections == 0 }
    }
  }

  /// An exchange that waits for its reply has no time-out.
  @Test func waitingIsNotIdling() throws {
    try withServer { options in
      options.idle_ms = 500
      options.head_ms = 500
    } _: { server, alice in
      let client = try RawClient(server, alice)
      try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      #expect(try RawClient(server, alice).rest().closedInOrder)
      _ = server.onLoop { server in
        TestServer.reply(server.firstHeld()!, "at last")
        return true
      }
      #expect(try client.reply().text == "at last")
    }
  }

  @Test func connectionsBeyondTheLimitAreClosed() throws {
    try withServer(maxConnections: 2) { server, alice in
      var clients = [try RawClient(server, alice), try RawClient(server, alice)]
      #expect(throws: RawClient.Failure.self) { try RawClient(server, alice) }
      server.wait { $0.failures == ["too many connections"] }
      for client in clients { #expect(try client.get("/plain?x").text == "x") }
      clients.removeLast().shutDown()
      waitUntil { server.connections == 1 }
      #expect(try RawClient(server, alice).get("/plain?x").text == "x")
    }
  }

  @Test func bodiesThatDoNotEndHoldNoMoreThanTheirClientsBudget() throws {
    var made: OpaquePointer?
    try #require(jc_budget_new(4 << 20, &made) == 0)
    let budget = made!
    for client in ["alice", "bob"] { jc_budget_allow(budget, Int64(client.utf8.count), 1 << 20) }
    defer { jc_budget_free(budget) }
    try withServer { options in
      options.budget = budget
    } _: { server, alice in
      let head = Array("PUT /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".utf8)
      var clients = try (0..<30).map { _ in
        let client = try RawClient(server, alice)
        // One that is refused may be gone before it has sent all.
        try? client.send(head + [UInt8](repeating: 0x78, count: 90_000))
        return client
      }
      func hasReply(_ client: RawClient) -> Bool {
        var entry = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
      }
      waitUntil { server.seen.failures.count >= 10 || clients.filter(hasReply).count >= 30 }
      #expect(jc_budget_held(budget) <= 5 << 18)
      let bob = try RawClient(server, try server.authority.issue("bob"))
      #expect(try bob.get("/plain?x").text == "x")
      clients.removeAll()
      waitUntil { jc_budget_held(budget) == 0 }
      #expect(try RawClient(server, alice).get("/plain?y").text == "y")
    }
  }

  @Test func eachClientMayHoldItsOwn() throws {
    var made: OpaquePointer?
    try #require(jc_budget_new(1 << 20, &made) == 0)
    let budget = made!
    defer { jc_budget_free(budget) }
    for (client, most) in [(1, 10), (2, 100)] as [(Int64, Int)] {
      jc_budget_allow(budget, client, most)
      jc_budget_add(budget, client, 50)
    }
    #expect(jc_budget_state(budget, 1) == JC_BUDGET_CLIENT_FULL)
    #expect(jc_budget_state(budget, 2) == JC_BUDGET_HAS_ROOM)
    // One that shares its place raises it, and none lowers it.
    for most in [60, 20] { jc_budget_allow(budget, 1 + 1024, most) }
    #expect(jc_budget_state(budget, 1) == JC_BUDGET_HAS_ROOM)
  }

  /// What is refused is told when to try again, and what one client holds keeps no other away.
  @Test func aClientWithoutRoomIsTold503() throws {
    var made: OpaquePointer?
    try #require(jc_budget_new(100, &made) == 0)
    let budget = made!
    for client in ["alice", "bob"] { jc_budget_allow(budget, Int64(client.utf8.count), 1 << 10) }
    defer { jc_budget_free(budget) }
    try withServer { options in
      options.budget = budget
    } _: { server, alice in
      let client = try RawClient(server, alice)
      // "alice" has tag 5.
      jc_budget_add(budget, 5, 1 << 10)
      let refused = try client.get("/plain?x")
      #expect(refused.status == 503 && refused.fields["retry-after"] != nil)
      #expect(refused.text.contains("this client's requests"))
      jc_budget_add(budget, 5, -1)
      #expect(try client.get("/plain?x").text.contains("the clients' requests"))
      let bob = try RawClient(server, try server.authority.issue("bob"))
      #expect(try bob.get("/plain?x").text == "x")
      jc_budget_add(budget, 5, 1 - (1 << 10))
      #expect(try client.get("/plain?y").text == "y")
    }
  }

  @Test func drainingFinishesWhatRuns() throws {
    try withServer { server, alice in
      let (idle, busy) = (try RawClient(server, alice), try RawClient(server, alice))
      #expect(try idle.get("/plain?x").text == "x")
      try busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
      waitUntil { server.onLoop { $0.firstHeld() != nil } }
      server.drain()
      #expect(idle.rest().closedInOrder)
      #expect(throws: RawClient.Failure.self) { try RawClient(server, alice) }
      #expect(!server.seen.drained)
      _ = server.onLoop { server in
        TestServer.reply(server.firstHeld()!, "finished")
        return true
      }
      let reply = try busy.reply()
      #expect(reply.text == "finished" && reply.fields["connection"] == "close")
      #expect(busy.rest().closedInOrder)
      server.wait { $0.drained && $0.closed == 2 }
    }
  }

  @Test func freeingEndsWhatRuns() throws {
    let authority = try Authority()
    let server = try TestServer(authority)
    let client = try RawClient(server, try authority.issue("alice"))
    try client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
    waitUntil { server.onLoop { $0.firstHeld() != nil } }
    server.stop()
    #expect(server.seen.ended == [false] && server.seen.closed == 1)
    #expect(client.rest().bytes.isEmpty)
  }

  @Test func listening() throws {
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var (first, second): (Int32, Int32) = (-1, -1)
    var (port, other): (UInt16, UInt16) = (0, 0)
    #expect(jc_listen("::1", 0, false, &first, &port, &error) == 0 && port > 0)
    #expect(jc_listen("::1", port, false, &second, &other, &error) == -EADDRINUSE)
    #expect(text(error).contains("\(port)"))
    #expect(jc_listen("no such host.invalid", 0, false, &second, &other, &error) < 0)
    close(first)
    #expect(jc_listen("127.0.0.1", 0, true, &first, &port, &error) == 0)
    #expect(jc_listen("127.0.0.1", port, true, &second, &other, &error) == 0 && other == port)
    close(first)
    close(second)
  }
}
