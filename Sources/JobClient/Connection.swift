import CJobWire

/// Where the daemon is and who this client is.
public struct ConnectionSettings: Sendable, Equatable {
  public var host: String
  public var port: UInt16
  /// PEM files: the authority the server's certificate is checked against, this client's certificate and key.
  public var authorityFile, certificateFile, keyFile: String
  /// The name the server's certificate must have, when it is not the host's.
  public var serverName: String?
  /// Milliseconds to connect, and to wait for a reply to go on; 0: no limit.
  public var connectTimeout: UInt32 = 10_000
  public var replyTimeout: UInt32 = 60_000

  public init(host: String, port: UInt16, authorityFile: String, certificateFile: String, keyFile: String) {
    self.host = host
    self.port = port
    self.authorityFile = authorityFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

/// One HTTPS connection to the daemon, kept open between requests. Blocking; used by one thread at a time, but
/// ``interrupt()``.
public final class Connection {
  private let client: OpaquePointer

  /// Connects and shakes hands.
  public init(_ settings: ConnectionSettings) throws(ClientError) {
    var error = jw_error()
    var made: OpaquePointer?
    let opened = settings.withOptions { options in
      withUnsafePointer(to: options) { jw_client_open($0, &made, &error) }
    }
    guard opened, let made else { throw ClientError(error) }
    client = made
  }

  deinit { jw_client_free(client) }

  /// Whether another request may be sent.
  public var isReusable: Bool { jw_client_reusable(client) }

  /// Ends the call that waits, with ``ClientError/closed(_:)``. Any thread.
  public func interrupt() { jw_client_interrupt(client) }

  /// Sends a request with a whole body, or none. `headers`: lines that end in CR LF.
  public func send(
    _ method: String, _ target: String, headers: String? = nil, body: [UInt8] = []
  ) throws(ClientError) {
    try begin(method, target, headers: headers, length: Int64(body.count))
    if !body.isEmpty { try write(body) }
  }

  /// Sends a request's head; `length` -1: a body follows by ``write(_:)`` and ``finish()``.
  public func begin(_ method: String, _ target: String, headers: String? = nil, length: Int64)
    throws(ClientError)
  {
    try call { error in
      if let headers { return jw_client_request(client, method, target, headers, length, &error) }
      return jw_client_request(client, method, target, nil, length, &error)
    }
  }

  public func write(_ bytes: some ContiguousBytes) throws(ClientError) {
    try call { error in
      bytes.withBytes { $0.isEmpty || jw_client_write(client, $0.baseAddress!, $0.count, &error) }
    }
  }

  public func finish() throws(ClientError) { try call { error in jw_client_write_end(client, &error) } }

  /// Reads the head of the next reply: its status.
  public func reply() throws(ClientError) -> Int {
    var status: Int32 = 0
    try call { error in jw_client_reply(client, &status, &error) }
    return Int(status)
  }

  /// A header of the last reply.
  public func header(_ name: String) -> String? { jw_client_header(client, name).map { String(cString: $0) } }

  /// Reads body bytes into `buffer`; 0 at the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int {
    var error = jw_error()
    let count = jw_client_read(client, buffer.baseAddress!, buffer.count, &error)
    guard count >= 0 else { throw ClientError(error) }
    return count
  }

  /// Reads the rest of the body, `most` bytes of it at most.
  public func readAll(most: Int = 1 << 30) throws(ClientError) -> [UInt8] {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while true {
      var failure: ClientError?
      let count = block.withUnsafeMutableBytes { buffer in
        do throws(ClientError) { return try read(into: buffer) } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= most else { throw .malformed("the reply is larger than \(most) bytes") }
      bytes.append(contentsOf: block[0..<count])
    }
  }

  private func call(_ body: (inout jw_error) -> Bool) throws(ClientError) {
    var error = jw_error()
    guard body(&error) else { throw ClientError(error) }
  }
}

/// Bytes that can be written without a copy.
public protocol ContiguousBytes {
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

extension Array: ContiguousBytes where Element == UInt8 {
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(body)
  }
}

extension ArraySlice: ContiguousBytes where Element == UInt8 {
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(body)
  }
}

extension ConnectionSettings {
  fileprivate func withOptions<Result>(_ body: (jw_client_options) -> Result) -> Result {
    host.withCString { host in
      authorityFile.withCString { authority in
        certificateFile.withCString { certificate in
          keyFile.withCString { key in
            func call(_ name: UnsafePointer<CChar>?) -> Result {
              body(
                jw_client_options(
                  host: host, port: port, server_name: name, ca_file: authority,
                  certificate_file: certificate,
                  key_file: key, connect_ms: connectTimeout, io_ms: replyTimeout))
            }
            guard let serverName else { return call(nil) }
            return serverName.withCString { call($0) }
          }
        }
      }
    }
  }
}
