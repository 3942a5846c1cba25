import CJobHTTP
import Glibc
import Harness
import Testing

/// What an exchange does when it is woken is done in the turn of its client.
struct ServerTurnTests {
  private static let request = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"

  private func withHeld(
    _ names: [String], _ body: (TestServer, [RawClient], _ other: Authority.Identity) throws -> Void
  ) throws {
    let authority = try Authority()
    let server = try TestServer(authority)
    defer { server.stop() }
    var clients: [RawClient] = []
    for name in names {
      clients.append(try RawClient(server, try authority.issue(name)))
      try clients.last!.send(Self.request)
      waitUntil { server.onLoop { $0.held.count } == clients.count }
    }
    // Rounds that pay for what was used until now.
    for _ in 0..<100 { _ = server.onLoop { _ in true } }
    try body(server, clients, try authority.issue("bob"))
  }

  /// Each wake uses up its client's share of a round.
  @Test func whatAClientIsWokenForIsCountedToItsShare() throws {
    try withHeld(Array(repeating: "alice", count: 8) + ["bob"]) { server, clients, _ in
      _ = server.onLoop { server in
        server.onWoken = { [unowned server] exchange in
          server.woken.append(TestServer.client(of: exchange))
          let end = Self.milliseconds + 8
          while Self.milliseconds < end {}
          TestServer.reply(exchange, "")
        }
        server.wakeHeld()
        return true
      }
      for client in clients { _ = try client.reply() }
      let order = server.onLoop { $0.woken }
      #expect(order.count == 9 && order.firstIndex(of: 3)! <= 1, "bob is woken among alice's: \(order)")
    }
  }

  private static var milliseconds: Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// One that always has more to do waits for its next turn, in which others have theirs.
  @Test func anExchangeThatWakesItselfKeepsNobodyWaiting() throws {
    try withHeld(["alice"]) { server, clients, bob in
      _ = server.onLoop { server in
        server.onWoken = { jc_exchange_wake($0) }
        server.wakeHeld()
        return true
      }
      let reply = try RawClient(server, bob).get("/plain?here")
      #expect(reply.text == "here")
      _ = server.onLoop { server in
        server.onWoken = { TestServer.reply($0, "at last") }
        return true
      }
      #expect(try clients[0].reply().text == "at last")
    }
  }

  /// However often it is woken before its turn comes, and not once it is over.
  @Test func wakesBeforeATurnAreOne() throws {
    try withHeld(["alice"]) { server, clients, _ in
      let calls = server.onLoop { server in
        server.onWoken = { [unowned server] exchange in
          server.woken.append(TestServer.client(of: exchange))
          TestServer.reply(exchange, "once")
          jc_exchange_wake(exchange)
        }
        for _ in 0..<5 { server.wakeHeld() }
        return server.woken.count
      }
      #expect(calls == 0, "not from inside the call")
      let reply = try clients[0].reply()
      #expect(reply.text == "once")
      #expect(try clients[0].get("/plain?after").text == "after")
      #expect(server.onLoop { $0.woken } == [5])
    }
  }
}
