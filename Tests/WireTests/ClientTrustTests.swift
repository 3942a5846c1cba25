import CJobWire
import Glibc
import Synchronization
import Testing

/// Who is connected to, and who is let in.
struct ClientTrustTests {
  private static let ok: @Sendable (Peer) -> Void = { peer in
    peer.read()
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    peer.waitForEnd()
  }

  /// The error of a GET from a server with this identity, or nil.
  private func get(
    _ pki: Pki, _ identity: Identity, family: Int32 = AF_INET, version: Int32 = tls13,
    adjust: (inout WireClient.Settings) throws -> Void
  ) throws -> WireError? {
    let context = try ServerContext(identity, clientsOf: pki.authority, version: version)
    let server = try ScriptedServer(family: family) { context.serve($0, Self.ok) }
    defer { server.stop() }
    var settings = WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: try pki.client())
    try adjust(&settings)
    return failure { _ = try WireClient(settings).get() }
  }

  private static let tls13: Int32 = 0x0304
  private static let tls12: Int32 = 0x0303

  @Test func namesAndAddresses() throws {
    let pki = try Pki()
    let address = try pki.server("127.0.0.1", "::1")
    #expect(try get(pki, address) { $0.host = "127.0.0.1" } == nil)
    #expect(try get(pki, address, family: AF_INET6) { $0.host = "::1" } == nil)
    let named = try pki.server("jobs.example.org")
    #expect(try get(pki, named) { $0.serverName = "jobs.example.org" } == nil)
    let wild = try pki.server("*.example.org")
    #expect(try get(pki, wild) { $0.serverName = "jobs.example.org" } == nil)
  }

  @Test func serversForAnotherName() throws {
    let pki = try Pki()
    let server = try pki.server("jobs.example.org")
    for (host, name) in [("localhost", nil), ("127.0.0.1", nil), ("localhost", "a.jobs.example.org")] {
      let error = try get(pki, server) { ($0.host, $0.serverName) = (host, name) }
      #expect(error?.kind == JW_FAIL_MISNAMED)
      #expect(error?.description == "the server's certificate is not for \(name ?? host)")
    }
    // A common name is no host name.
    let files = pki.place("unnamed")
    try pki.issue(.init(use: JW_CA_SERVER, name: "localhost", hosts: ["192.0.2.1"]), files)
    #expect(try get(pki, files) { _ in }?.kind == JW_FAIL_MISNAMED)
  }

  @Test func serversThatAreNotTrusted() throws {
    let pki = try Pki()
    let server = try pki.server("localhost")
    let other = try Pki()
    let stranger = try get(pki, server) { $0.authority = other.authority.certificate }
    #expect(stranger?.kind == JW_FAIL_UNTRUSTED)
    #expect(
      stranger?.description.contains("not issued by the authority in \(other.authority.certificate)") == true)
    let expired = try get(pki, pki.server("localhost", begins: -7200, ends: -3600)) { _ in }
    #expect(expired?.kind == JW_FAIL_UNTRUSTED && expired?.description.contains("has expired") == true)
    let early = try get(pki, pki.server("localhost", begins: 3600, ends: 7200)) { _ in }
    #expect(
      early?.kind == JW_FAIL_UNTRUSTED && early?.description.contains("is this host's clock behind?") == true)
    let client = try get(pki, pki.client("localhost")) { _ in }
    #expect(client?.kind == JW_FAIL_UNTRUSTED && client?.description.contains("purpose") == true)
  }

  /// In TLS 1.3 a client learns of it only after its own side of the handshake is done.
  @Test func clientsThatAreRefused() throws {
    let pki = try Pki()
    let server = try pki.server("localhost")
    let other = try Pki()
    let cases = [
      (try other.client(), "not issued by an authority that the server trusts"),
      (try pki.client("old", begins: -7200, ends: -3600), "it has expired"),
      (
        try pki.client("early", begins: 3600, ends: 7200),
        "not valid yet by the server's clock, which has to be past 20"
      ),
      (server, "not for use by a client"),
    ]
    for (identity, reason) in cases {
      for _ in 0..<8 {
        let error = try get(pki, server) { $0.identity = identity }
        // A reset may discard the alert.
        let isLost = error?.kind == JW_FAIL_CLOSED && error?.description.contains("may have refused") == true
        #expect(isLost || (error?.kind == JW_FAIL_REFUSED && error?.description.contains(reason) == true))
      }
    }
  }

  @Test func otherProtocols() throws {
    let pki = try Pki()
    let server = try pki.server("localhost")
    let old = try get(pki, server, version: Self.tls12) { _ in }
    #expect(old?.kind == JW_FAIL_PROTOCOL && old?.description.contains("TLS 1.3") == true)
    let plain = try ScriptedServer { descriptor in
      let text = "HTTP/1.1 400 Bad Request\r\n\r\n"
      _ = write(descriptor, text, text.utf8.count)
      var byte: UInt8 = 0
      while Glibc.read(descriptor, &byte, 1) > 0 {}
    }
    defer { plain.stop() }
    let settings = WireClient.Settings(
      port: plain.port, authority: pki.authority.certificate, identity: try pki.client())
    let error = failure { _ = try WireClient(settings) }
    #expect(
      error?.kind == JW_FAIL_PROTOCOL && error?.description == "TLS failed: the peer does not speak TLS")
  }

  @Test func nobodyThere() throws {
    let pki = try Pki()
    let identity = try pki.client()
    // A port that was given out and closed again.
    let server = try ScriptedServer { _ in }
    server.stop()
    var settings = WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: identity)
    let closed = failure { _ = try WireClient(settings) }
    #expect(closed?.kind == JW_FAIL_CONNECT)
    #expect(closed?.description == "cannot connect to localhost port \(server.port): Connection refused")
    settings.host = "host.invalid"
    #expect(failure { _ = try WireClient(settings) }?.kind == JW_FAIL_CONNECT)
  }

  @Test func aHandshakeThatDoesNotEnd() throws {
    let pki = try Pki()
    let server = try ScriptedServer { descriptor in
      var block = [UInt8](repeating: 0, count: 4096)
      while Glibc.read(descriptor, &block, block.count) > 0 {}
    }
    defer { server.stop() }
    var settings = WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: try pki.client())
    settings.connectTime = 50
    #expect(failure { _ = try WireClient(settings) }?.kind == JW_FAIL_TIMEOUT)
  }

  /// As one whose power was cut: it does not refuse, nothing comes back.
  @Test func aHostThatDoesNotAnswer() throws {
    let accepted = Mutex(false)
    let isOver = Mutex(false)
    let server = try ScriptedServer { _ in
      accepted.withLock { $0 = true }
      while !isOver.withLock({ $0 }) { usleep(1000) }
    }
    var address = sockaddr_in()
    (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), server.port.bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var open: [Int32] = []
    func ask() {
      let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
      open.append(socket(AF_INET, Int32(kind), 0))
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = connect(open.last!, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    defer {
      for descriptor in open { close(descriptor) }
      isOver.withLock { $0 = true }
      server.stop()
    }
    ask()
    while !accepted.withLock({ $0 }) { usleep(1000) }
    // More than its queue takes: the kernel drops what asks for another.
    for _ in 0..<40 { ask() }
    let pki = try Pki()
    var settings = WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: try pki.client())
    (settings.host, settings.connectTime) = ("127.0.0.1", 200)
    let error = failure { _ = try WireClient(settings) }
    #expect(error?.kind == JW_FAIL_CONNECT)
    #expect(error?.description == "cannot connect to 127.0.0.1 port \(server.port): Connection timed out")
  }

  @Test func filesThatCannotBeUsed() throws {
    let pki = try Pki()
    let (alice, bob) = (try pki.client("alice"), try pki.client("bob"))
    let locked = pki.directory + "/locked.key"
    let made = try OpensslCommand.run(
      "pkcs8", "-topk8", "-in", alice.key, "-out", locked, "-passout", "pass:secret")
    try #require(made.status == 0, "\(made.text)")
    let cases: [(String, Identity, String)] = [
      (pki.directory + "/none", alice, "none: No such file or directory"),
      (alice.key, alice, "alice.key: it holds no certificate in PEM"),
      (pki.authority.certificate, Identity(certificate: "/none", key: alice.key), "/none: No such file"),
      (
        pki.authority.certificate, Identity(certificate: alice.certificate, key: "/none"),
        "/none: No such file"
      ),
      (pki.authority.certificate, Identity(certificate: alice.certificate, key: bob.key), "does not belong"),
      (
        pki.authority.certificate, Identity(certificate: alice.certificate, key: bob.certificate),
        "no private key"
      ),
      (pki.authority.certificate, Identity(certificate: alice.certificate, key: locked), "it is encrypted"),
    ]
    for (authority, identity, reason) in cases {
      let settings = WireClient.Settings(port: 1, authority: authority, identity: identity)
      let error = failure { _ = try WireClient(settings) }
      #expect(error?.kind == JW_FAIL_FILES && error?.description.contains(reason) == true, "\(error as Any)")
    }
  }
}
