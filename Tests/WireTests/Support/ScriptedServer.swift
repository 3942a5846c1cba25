import COpenSSL
import Glibc

import class Harness.Thread

/// A listener on the loopback address whose connections, one after the other, are served by a script.
final class ScriptedServer {
  let port: UInt16
  private let listener: Int32
  private let thread: Thread

  /// `family`: AF_INET or AF_INET6.
  init(family: Int32 = AF_INET, _ serve: @escaping @Sendable (_ descriptor: Int32) -> Void) throws {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    address.sin6_family = sa_family_t(family)
    if family == AF_INET6 { address.sin6_addr = in6addr_loopback }
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      if family == AF_INET {
        pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          $0.pointee.sin_addr.s_addr = inet_addr("127.0.0.1")
        }
      }
      return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard bound else { throw Failure(description: "cannot listen: \(errno)") }
    port = UInt16(bigEndian: address.sin6_port)
    listener = descriptor
    thread = Thread {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        // A script that waits in vain is a test that failed, not one that hangs.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        serve(connection)
        // A program that another test started in between may have inherited it.
        shutdown(connection, Int32(SHUT_RDWR))
        close(connection)
      }
    }
  }

  /// After the clients have gone.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    thread.join()
    close(listener)
  }
}

/// The TLS side of a scripted server: an identity, and whose clients are let in.
final class ServerContext: @unchecked Sendable {
  // OpenSSL's contexts may be shared by threads.
  private let context: OpaquePointer

  init(_ identity: Identity, clientsOf authority: Identity?, version: Int32 = TLS1_3_VERSION) throws {
    // A client that has gone is written to, in the tests where it does.
    signal(SIGPIPE, SIG_IGN)
    context = SSL_CTX_new(TLS_server_method())
    SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
    guard SSL_CTX_use_certificate_chain_file(context, identity.certificate) == 1,
      SSL_CTX_use_PrivateKey_file(context, identity.key, SSL_FILETYPE_PEM) == 1
    else { throw Failure(description: "the server's files") }
    guard let authority else { return }
    SSL_CTX_load_verify_file(context, authority.certificate)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    SSL_CTX_set_session_id_context(context, "test", 4)
  }

  deinit { SSL_CTX_free(context) }

  /// Shakes hands and runs `script`; not when the handshake fails.
  func serve(_ descriptor: Int32, _ script: (Peer) -> Void) {
    let ssl = SSL_new(context)!
    defer { SSL_free(ssl) }
    SSL_set_fd(ssl, descriptor)
    ERR_clear_error()
    guard SSL_accept(ssl) == 1 else { return }
    script(Peer(ssl, descriptor))
  }
}

/// A client, as a script sees it.
struct Peer {
  private let ssl: OpaquePointer
  let descriptor: Int32

  init(_ ssl: OpaquePointer, _ descriptor: Int32) { (self.ssl, self.descriptor) = (ssl, descriptor) }

  /// Whether the handshake resumed a session.
  var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  /// What one record held; nil at the end.
  func record() -> String? {
    var block = [UInt8](repeating: 0, count: 16384)
    ERR_clear_error()
    let count = SSL_read(ssl, &block, Int32(block.count))
    return count > 0 ? String(decoding: block[..<Int(count)], as: UTF8.self) : nil
  }

  /// All until `end` has come.
  @discardableResult func read(through end: String = "\r\n\r\n") -> String {
    var all = ""
    while !all.hasSuffix(end) {
      guard let more = record() else { return all }
      all += more
    }
    return all
  }

  /// Each string as a record of its own.
  func send(_ pieces: String...) {
    for piece in pieces { send(Array(piece.utf8)) }
  }

  func send(_ bytes: [UInt8]) {
    ERR_clear_error()
    if !bytes.isEmpty { SSL_write(ssl, bytes, Int32(bytes.count)) }
  }

  func sayGoodbye() { SSL_shutdown(ssl) }

  /// Waits until the client has closed.
  func waitForEnd() { while record() != nil {} }

  /// Ends the connection by a reset.
  func reset() {
    var nothing = sockaddr(
      sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    connect(descriptor, &nothing, socklen_t(MemoryLayout<sockaddr>.size))
  }
}
