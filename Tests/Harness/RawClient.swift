import COpenSSL
import Glibc

/// A TLS client that sends any bytes, well-formed or not. Each call ends after ten seconds at most.
package final class RawClient {
  package struct Failure: Error { let text: String }

  package struct Reply: Equatable {
    package var status = 0
    package var fields: [String: String] = [:]
    package var body: [UInt8] = []
    package var text: String { String(decoding: body, as: UTF8.self) }
  }

  private let context: OpaquePointer
  private let ssl: OpaquePointer
  package let descriptor: Int32
  private var buffer: [UInt8] = []

  /// A TCP connection, without TLS.
  package static func connect(_ port: UInt16, receiveBuffer: Int32? = nil) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    if var bytes = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(descriptor)
      throw Failure(text: "connect: \(errno)")
    }
    return descriptor
  }

  /// Shakes hands. `authority`: file of the certificates a server is trusted by.
  package init(
    port: UInt16, authority: String, certificate: String?, key: String?, session: OpaquePointer? = nil,
    maxVersion: Int32 = TLS1_3_VERSION, receiveBuffer: Int32? = nil
  ) throws {
    descriptor = try Self.connect(port, receiveBuffer: receiveBuffer)
    // OpenSSL writes to a socket that the server has closed, in the tests where it does.
    signal(SIGPIPE, SIG_IGN)
    context = SSL_CTX_new(TLS_client_method())
    SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(maxVersion), nil)
    SSL_CTX_load_verify_file(context, authority)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    if let certificate, let key {
      SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM)
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
    }
    ssl = SSL_new(context)
    SSL_set_fd(ssl, descriptor)
    if let session { SSL_set_session(ssl, session) }
    ERR_clear_error()
    guard SSL_connect(ssl) == 1 else { throw Failure(text: "handshake refused") }
  }

  deinit {
    SSL_free(ssl)
    SSL_CTX_free(context)
    close(descriptor)
  }

  package var wasResumed: Bool { SSL_session_reused(ssl) == 1 }
  /// To be freed by the caller; the ticket comes with the first bytes read.
  package func session() -> OpaquePointer? { SSL_get1_session(ssl) }

  package func send(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else { return }
    guard SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count else { throw Failure(text: "write") }
  }
  package func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Sends close_notify.
  package func shutDown() { SSL_shutdown(ssl) }
  /// Closes without a word.
  package func hangUp() { Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// One SSL_read; false at the end of the connection.
  private func fill() -> Bool {
    var piece = [UInt8](repeating: 0, count: 65536)
    ERR_clear_error()
    let count = SSL_read(ssl, &piece, Int32(piece.count))
    guard count > 0 else { return false }
    buffer.append(contentsOf: piece[..<Int(count)])
    return true
  }

  /// Everything until the end of the connection, and whether the server said goodbye.
  package func rest() -> (bytes: [UInt8], closedInOrder: Bool) {
    while fill() {}
    defer { buffer = [] }
    return (buffer, SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0)
  }

  private func take(_ count: Int) throws -> [UInt8] {
    while buffer.count < count { guard fill() else { throw Failure(text: "closed early") } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  private func takeLine() throws -> String {
    var from = 0
    while true {
      if let feed = buffer[from...].firstIndex(of: 10) {
        let line = try take(feed + 1)
        guard line.count >= 2, line[line.count - 2] == 13 else { throw Failure(text: "bare LF") }
        return String(decoding: line.dropLast(2), as: UTF8.self)
      }
      from = buffer.count
      guard fill() else { throw Failure(text: "closed early") }
    }
  }

  private func takeChunks() throws -> [UInt8] {
    var body: [UInt8] = []
    while true {
      guard let size = Int(try takeLine(), radix: 16) else { throw Failure(text: "chunk size") }
      body += try take(size)
      guard try takeLine().isEmpty else { throw Failure(text: "chunk end") }
      if size == 0 { return body }
    }
  }

  package func reply(toHead: Bool = false) throws -> Reply {
    var reply = Reply()
    let start = try takeLine().split(separator: " ", maxSplits: 2)
    guard start.count >= 2, start[0] == "HTTP/1.1", let status = Int(start[1]) else {
      throw Failure(text: "status line \(start)")
    }
    reply.status = status
    while true {
      let line = try takeLine()
      if line.isEmpty { break }
      let parts = line.split(separator: ":", maxSplits: 1)
      reply.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
    }
    if toHead || status == 100 || status == 204 || status == 304 { return reply }
    if reply.fields["transfer-encoding"] == "chunked" {
      reply.body = try takeChunks()
    } else if let length = reply.fields["content-length"].flatMap({ Int($0) }) {
      reply.body = try take(length)
    }
    return reply
  }

  package func ask(_ request: String) throws -> Reply {
    try send(request)
    return try reply()
  }

  package func get(_ path: String, _ fields: String = "") throws -> Reply {
    try ask("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
  }
}
