import CJobWire
import COpenSSL
import Glibc
import Harness
import Synchronization
import Testing

/// Sessions that are kept for the next connection, and who may resume them.
final class ClientSessionTests {
  private let pki: Pki
  private let server: SessionServer
  private let runtime: Scratch
  private let settings: WireClient.Settings

  init() throws {
    pki = try Pki()
    server = try SessionServer(pki.server("localhost", "127.0.0.1"), clientsOf: pki.authority)
    runtime = try Scratch()
    chmod(runtime.path, 0o700)
    var settings = WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: try pki.client())
    settings.sessions = runtime.path
    self.settings = settings
  }

  deinit {
    server.stop()
    runtime.remove()
  }

  private var directory: String { "\(runtime.path)/jobctl" }
  private var files: [String] { Files.list(directory).map { "\(directory)/\($0)" } }

  /// Whether each of some connections resumed a session.
  private func resumed(_ times: Int = 1, adjust: (inout WireClient.Settings) throws -> Void = { _ in }) throws
    -> [Bool]
  {
    var settings = settings
    try adjust(&settings)
    for _ in 0..<times { #expect(try WireClient(settings).get().status == 200) }
    return server.takeResumed()
  }

  @Test func aSessionIsResumedByTheNextConnections() throws {
    #expect(try resumed(3) == [false, true, true])
    #expect(files.count == 1)
    var status = stat()
    #expect(stat(directory, &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(stat(files[0], &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func anotherIdentityNameOrAuthorityDoesNotResumeIt() throws {
    #expect(try resumed() == [false])
    #expect(try resumed { $0.identity = try pki.client("bob") } == [false])
    #expect(try resumed { $0.serverName = "127.0.0.1" } == [false])
    #expect(try resumed { $0.host = "127.0.0.1" } == [false])
    let both = "\(pki.directory)/authorities.crt"
    let other = try Pki()
    try Files.write(Files.read(settings.authority) + Files.read(other.authority.certificate), to: both)
    #expect(try resumed { $0.authority = both } == [false])
    // Another certificate in the same file.
    #expect(try resumed { $0.identity = try pki.client() } == [false])
    #expect(files.count == 6)
  }

  @Test func oneThatTheServerDoesNotKnowIsForgotten() throws {
    #expect(try resumed() == [false])
    try server.restart(pki.server("localhost"))
    #expect(try resumed(2) == [false, true])
  }

  /// What the session does not vouch for is verified: here, whoever has taken the server's place.
  @Test func anotherServerInItsPlaceIsVerified() throws {
    #expect(try resumed() == [false])
    let other = try Pki()
    try server.restart(other.server("localhost"))
    let stranger = failure { _ = try WireClient(settings).get() }
    #expect(stranger?.kind == JW_FAIL_UNTRUSTED)
    #expect(stranger?.description.contains("not issued by the authority in \(settings.authority)") == true)
    try server.restart(pki.server("elsewhere"))
    #expect(failure { _ = try WireClient(settings).get() }?.kind == JW_FAIL_MISNAMED)
  }

  @Test func aDirectoryThatOthersMayEnterIsNotUsed() throws {
    #expect(chmod(runtime.path, 0o750) == 0)
    #expect(try resumed(2) == [false, false])
    #expect(access(directory, F_OK) != 0)
    #expect(chmod(runtime.path, 0o700) == 0 && mkdir(directory, 0o700) == 0 && chmod(directory, 0o701) == 0)
    #expect(try resumed(2) == [false, false])
    #expect(files == [])
    #expect(rmdir(directory) == 0)
    let elsewhere = "\(runtime.path)/elsewhere"
    #expect(mkdir(elsewhere, 0o700) == 0 && symlink(elsewhere, directory) == 0)
    #expect(try resumed(2) == [false, false])
    #expect(try resumed(2) { $0.sessions = "\(runtime.path)/nowhere" } == [false, false])
    #expect(try resumed(2) { $0.sessions = nil } == [false, false])
  }

  @Test func aFileThatIsNoSessionOrThatOthersMayReadIsReplaced() throws {
    #expect(try resumed() == [false])
    try Files.write(Array("nonsense".utf8), to: files[0])
    #expect(try resumed() == [false])
    #expect(chmod(files[0], 0o640) == 0)
    #expect(try resumed(2) == [false, true])
    #expect(files.count == 1)
  }

  /// The server's certificate is not looked at again.
  @Test func aSessionEndsNoLaterThanWhatItVerified() throws {
    try server.restart(pki.server("localhost", begins: -60, ends: 600))
    #expect(try resumed(2) == [false, true])
    let bytes = Files.read(files[0])
    let session = bytes.withUnsafeBufferPointer { buffer in
      var next = buffer.baseAddress
      return d2i_SSL_SESSION(nil, &next, buffer.count)
    }
    defer { SSL_SESSION_free(session) }
    #expect((1...600).contains(SSL_SESSION_get_timeout(session)))
    // As if ten minutes had passed.
    SSL_SESSION_set_time(session, SSL_SESSION_get_time(session) - 600)
    var encoded = [UInt8](repeating: 0, count: Int(i2d_SSL_SESSION(session, nil)))
    encoded.withUnsafeMutableBufferPointer { buffer in
      var next = buffer.baseAddress
      _ = i2d_SSL_SESSION(session, &next)
    }
    try Files.write(encoded, to: files[0])
    #expect(try resumed() == [false])
  }
}

/// A server that tells which of its connections resumed a session, and may be started anew at the same port.
private final class SessionServer: Sendable {
  private let authority: Identity
  private let context: Mutex<ServerContext>
  private let resumed = Mutex<[Bool]>([])
  private nonisolated(unsafe) var server: ScriptedServer!

  init(_ identity: Identity, clientsOf authority: Identity) throws {
    self.authority = authority
    context = Mutex(try ServerContext(identity, clientsOf: authority))
    server = try ScriptedServer { [unowned self] descriptor in
      context.withLock { $0 }.serve(descriptor) { peer in
        peer.read()
        resumed.withLock { $0.append(peer.isResumed) }
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        peer.waitForEnd()
      }
    }
  }

  var port: UInt16 { server.port }
  func stop() { server.stop() }

  func restart(_ identity: Identity) throws {
    let next = try ServerContext(identity, clientsOf: authority)
    context.withLock { $0 = next }
  }

  func takeResumed() -> [Bool] {
    resumed.withLock { list in
      defer { list = [] }
      return list
    }
  }
}
