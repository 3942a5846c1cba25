import CJobHTTP
import CJobLoop
import COpenSSL
import Glibc
import Harness
import Testing

/// Who is let in, and as whom.
struct ServerPeerTests {
  private func withServer(
    maxConnections: Int = 64, _ body: (TestServer, Authority) throws -> Void
  ) throws {
    let authority = try Authority()
    let server = try TestServer(authority, maxConnections: maxConnections)
    defer { server.stop() }
    try body(server, authority)
  }

  /// In TLS 1.3 a client learns of its refusal with the first read.
  private func refused(
    _ server: TestServer, _ identity: Authority.Identity?, maxVersion: Int32 = TLS1_3_VERSION
  )
    -> Bool
  {
    guard let client = try? RawClient(server, identity, maxVersion: maxVersion) else { return true }
    return (try? client.get("/plain?in")) == nil
  }

  /// One line for each, and nothing kept.
  private func expectRefusal(_ server: TestServer, _ reason: String) {
    server.wait { $0.failures.count == 1 }
    #expect(server.seen.failures.first?.contains(reason) == true, "\(server.seen.failures)")
    #expect(server.seen.opened.isEmpty)
    waitUntil { server.connections == 0 }
  }

  @Test func noCertificate() throws {
    try withServer { server, _ in
      #expect(refused(server, nil))
      expectRefusal(server, "did not return a certificate")
      let stranger = server.seen.strangers.first
      #expect(stranger != nil && stranger?.name == nil && stranger?.serial == nil)
    }
  }

  @Test func certificateOfAnotherAuthority() throws {
    try withServer { server, _ in
      let other = try Authority()
      let identity = try other.issue("alice")
      #expect(refused(server, identity))
      withExtendedLifetime(other) {}
      expectRefusal(server, "client certificate refused")
      let stranger = server.seen.strangers.first
      #expect(stranger?.name == "alice" && stranger?.serial?.isEmpty == false)
    }
  }

  @Test func expiredCertificate() throws {
    try withServer { server, authority in
      let identity = try authority.issue("alice", from: -7200, to: -3600)
      #expect(refused(server, identity))
      expectRefusal(server, "expired")
    }
  }

  @Test func serverCertificate() throws {
    try withServer { server, authority in
      let identity = try authority.issue("localhost", server: true)
      #expect(refused(server, identity))
      expectRefusal(server, "purpose")
    }
  }

  @Test func tls12() throws {
    try withServer { server, authority in
      let identity = try authority.issue("alice")
      #expect(refused(server, identity, maxVersion: TLS1_2_VERSION))
      expectRefusal(server, "does not speak TLS 1.3")
    }
  }

  @Test func plainText() throws {
    try withServer { server, _ in
      let descriptor = try RawClient.connect(server.port)
      let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      #expect(write(descriptor, request, request.count) == request.count)
      expectRefusal(server, "does not speak TLS")
      close(descriptor)
    }
  }

  @Test func aPeerThatLeavesInTheHandshake() throws {
    try withServer { server, _ in
      let descriptor = try RawClient.connect(server.port)
      let start: [UInt8] = [22, 3, 1, 2, 0]
      #expect(write(descriptor, start, start.count) == start.count)
      // It has to be seen as a connection first.
      waitUntil { server.connections == 1 }
      Glibc.shutdown(descriptor, Int32(SHUT_WR))
      expectRefusal(server, "left in the middle")
      close(descriptor)
    }
  }

  struct Subject: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let names: [(type: Int32, bytes: [UInt8])]
    let reason: String

    init(_ what: String, _ names: [[UInt8]], _ reason: String, type: Int32 = V_ASN1_UTF8STRING) {
      testDescription = what
      self.names = names.map { (type, $0) }
      self.reason = reason
    }
  }

  private static let subjects = [
    Subject("no name", [], "no common name"),
    Subject("two names", [Array("alice".utf8), Array("bob".utf8)], "more than one"),
    Subject("the same name twice", [Array("alice".utf8), Array("alice".utf8)], "more than one"),
    Subject("empty", [[]], "empty"),
    Subject("NUL", [Array("alice\0.evil".utf8)], "control character"),
    Subject("new line", [Array("alice\nbob".utf8)], "control character"),
    Subject("DEL", [Array("a\u{7f}".utf8)], "control character"),
    Subject("control character of C1", [Array("a\u{85}".utf8)], "control character"),
    // OpenSSL checks what says it is UTF-8, and nothing of what says it is printable.
    Subject("not UTF-8", [[0x61, 0xff]], "not UTF-8", type: V_ASN1_PRINTABLESTRING),
    Subject("overlong UTF-8", [[0x61, 0xc0, 0x80]], "not UTF-8", type: V_ASN1_PRINTABLESTRING),
    Subject("surrogate", [[0xed, 0xa0, 0x80]], "not UTF-8", type: V_ASN1_PRINTABLESTRING),
    Subject("cut UTF-8", [[0x61, 0xe2, 0x82]], "not UTF-8", type: V_ASN1_PRINTABLESTRING),
    Subject("65 characters", [[UInt8](repeating: 0x61, count: 65)], "longer than 64"),
    Subject("BMPString", [[0, 0x61]], "neither a UTF8String", type: V_ASN1_BMPSTRING),
    Subject("TeletexString", [[0x61]], "neither a UTF8String", type: V_ASN1_T61STRING),
  ]

  @Test(arguments: subjects)
  func subjectThatNamesNobody(subject: Subject) throws {
    try withServer { server, authority in
      let identity = try authority.issue(commonNames: subject.names)
      let client = try RawClient(server, identity)
      let reply = try client.get("/plain?in")
      #expect(reply.status == 403 && reply.text.contains(subject.reason), "\(reply.text)")
      #expect(client.rest().closedInOrder)
      #expect(server.seen.opened.isEmpty && server.seen.failures.count == 1)
      let stranger = server.seen.strangers.first
      #expect(stranger != nil && stranger?.name == nil && stranger?.serial?.isEmpty == false)
    }
  }

  @Test func subjectThatNamesSomebody() throws {
    try withServer { server, authority in
      let long = String(repeating: "ü", count: 64)
      for name in ["a", long, "日本 €", "😀"] {
        let identity = try authority.issue(commonNames: [(V_ASN1_UTF8STRING, Array(name.utf8))])
        #expect(try RawClient(server, identity).get("/plain?in").text == "in")
      }
      let printable = try authority.issue(commonNames: [(V_ASN1_PRINTABLESTRING, Array("bob".utf8))])
      #expect(try RawClient(server, printable).get("/plain?in").text == "in")
      #expect(server.seen.opened == ["a", long, "日本 €", "😀", "bob"])
    }
  }

  @Test(arguments: [
    ("DNS:localhost", "has no URI"), ("URI:spiffe://a/b,URI:spiffe://a/c", "more than one URI"),
    ("URI:spiffe://a/b c", "holds what no URI does"), ("URI:/a/b", "names no scheme"),
    ("URI:spiffe://a/\(String(repeating: "a", count: 2038))", "longer than 2048"),
  ])
  func alternativeNamesThatNameNobody(names: String, reason: String) throws {
    try withURIServer { server, authority in
      let client = try RawClient(server, try authority.issue("alice", alternativeNames: names))
      let reply = try client.get("/plain?in")
      #expect(reply.status == 403 && reply.text.contains(reason), "\(reply.text)")
      #expect(server.seen.opened.isEmpty)
    }
  }

  @Test func aURIThatNamesSomebody() throws {
    try withURIServer { server, authority in
      let long = "spiffe://a/\(String(repeating: "a", count: 2037))"
      for uri in ["spiffe://example.org/ns/ci/sa/build", long] {
        let names = "DNS:localhost,URI:\(uri)"
        let client = try RawClient(server, try authority.issue("alice", alternativeNames: names))
        #expect(try client.get("/plain?in").text == "in")
        #expect(server.seen.opened.last == uri)
        // The same of a session that is resumed.
        let session = try #require(client.session())
        defer { SSL_SESSION_free(session) }
        let resumed = try RawClient(server, nil, session: session)
        #expect(try resumed.get("/plain?in").text == "in" && resumed.wasResumed)
        #expect(server.seen.opened.last == uri)
      }
    }
  }

  private func withURIServer(_ body: (TestServer, Authority) throws -> Void) throws {
    let authority = try Authority()
    let server = try TestServer(authority, identity: JC_IDENTITY_URI)
    defer { server.stop() }
    try body(server, authority)
  }

  @Test func theHandlerTurnsAway() throws {
    try withServer { server, authority in
      let unknown = try RawClient(server, try authority.issue("unknown"))
      #expect(try unknown.get("/plain?in").status == 403)
      #expect(unknown.rest().closedInOrder)
      let greedy = try RawClient(server, try authority.issue("greedy"))
      let reply = try greedy.get("/plain?in")
      #expect(reply.status == 429 && reply.fields["retry-after"] != nil)
      #expect(greedy.rest().closedInOrder)
      // Only those that were let in are told of when they leave.
      waitUntil { server.connections == 0 }
      #expect(server.seen.closed == 0)
    }
  }

  @Test func aResumedSessionCarriesItsIdentity() throws {
    try withServer { server, authority in
      let alice = try authority.issue("alice")
      let first = try RawClient(server, alice)
      #expect(try first.get("/tag").text == "5" && !first.wasResumed)
      let session = try #require(first.session())
      defer { SSL_SESSION_free(session) }
      // Without the certificate: what counts is the session's.
      let second = try RawClient(server, nil, session: session)
      #expect(try second.get("/tag").text == "5" && second.wasResumed)
      #expect(server.seen.opened == ["alice", "alice"])
    }
  }

  /// Each context keeps its own sessions: a new revocation list comes with a new one, which knows none of the old.
  @Test func aRevokedClientDoesNotResume() throws {
    let authority = try Authority()
    let (alice, bob) = (try authority.issue("alice"), try authority.issue("bob"))
    let before = try TestServer(authority)
    let client = try RawClient(before, alice)
    #expect(try client.get("/tag").text == "5")
    let session = try #require(client.session())
    defer { SSL_SESSION_free(session) }
    before.stop()
    let after = try TestServer(authority, revoked: try authority.revoke([alice]))
    defer { after.stop() }
    let revoked = try? RawClient(after, alice, session: session)
    #expect((try? revoked?.get("/tag")) == nil)
    after.wait { $0.failures.count == 1 }
    #expect(after.seen.failures[0].contains("revoked"))
    #expect(try RawClient(after, bob).get("/tag").text == "3")
  }

  @Test func aSessionDoesNotOutliveItsCertificate() throws {
    try withServer { server, authority in
      let brief = try authority.issue("brief", to: 2)
      let first = try RawClient(server, brief)
      #expect(try first.get("/tag").text == "5")
      let session = try #require(first.session())
      defer { SSL_SESSION_free(session) }
      let expiry = time(nil) + 2
      waitUntil { time(nil) > expiry }
      #expect(try RawClient(server, nil, session: session).get("/tag").status == 403)
      #expect(server.seen.failures.last?.contains("expired") == true)
      // Nor does the connection.
      waitUntil { server.seen.closed == 1 }
      #expect(throws: RawClient.Failure.self) { try first.get("/tag") }
    }
  }

  @Test func aServerCertificateThatIsNoneIsRefused() throws {
    let authority = try Authority()
    for (identity, why) in [
      (try authority.issue("localhost", server: true, from: -7200, to: -3600), "expired"),
      (try authority.issue("localhost", server: true, from: 3600, to: 7200), "not valid yet"),
      (try authority.issue("alice"), "serverAuth"),
    ] {
      let error = try load(identity.certificate, identity.key, authority.own.certificate)
      #expect(error.contains(identity.certificate) && error.contains(why), "\(error)")
    }
  }

  @Test func filesThatAreWrong() throws {
    let authority = try Authority()
    let identity = try authority.issue("localhost", server: true)
    let other = try authority.issue("localhost", server: true)
    let missing = authority.directory + "/missing.pem"
    for (certificate, key, ca, named) in [
      (missing, identity.key, authority.own.certificate, missing),
      (identity.certificate, missing, authority.own.certificate, missing),
      (identity.certificate, other.key, authority.own.certificate, other.key),
      (identity.certificate, identity.key, missing, missing),
      (identity.certificate, identity.key, identity.key, identity.key),
    ] {
      #expect(try load(certificate, key, ca).contains(named))
    }
  }

  /// Why these files cannot be used.
  private func load(_ certificate: String, _ key: String, _ ca: String) throws -> String {
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var made: OpaquePointer?
    certificate.withCString { certificate in
      key.withCString { key in
        ca.withCString { ca in
          var options = jc_tls_options(
            certificate_file: certificate, key_file: key, client_ca_file: ca, crl_file: nil,
            lists_are_partial: false, session_cache: 1, identity: JC_IDENTITY_COMMON_NAME)
          #expect(jc_tls_new(&options, &made, &error) == -EINVAL)
        }
      }
    }
    #expect(made == nil)
    return text(error)
  }
}
