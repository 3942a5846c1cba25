import CJobWire
import Platform

/// One HTTPS connection to the daemon, kept open between requests. Blocking; used by one thread at a time.
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
      withOptionalCString(headers) { jw_client_request(client, method, target, $0, length, &error) }
    }
  }

  public func write(_ bytes: [UInt8]) throws(ClientError) {
    try call { error in
      bytes.withUnsafeBytes { $0.isEmpty || jw_client_write(client, $0.baseAddress!, $0.count, &error) }
    }
  }

  public func finish() throws(ClientError) { try call { error in jw_client_write_end(client, &error) } }

  /// What the server says to a request while its body is written in chunks.
  enum Heard { case nothing, input, interim, reply }

  /// Waits for an interim reply, which ``header(_:)`` then reads, or for the reply itself; or for descriptor `input`, if
  /// there is one, to become readable. `milliseconds`: how long; 0: for ever.
  func listen(_ input: Int32?, milliseconds: Int64) throws(ClientError) -> Heard {
    var heard = JW_HEARD_NOTHING
    try call { error in
      jw_client_listen(client, input ?? -1, UInt32(clamping: milliseconds), &heard, &error)
    }
    switch heard {
    case JW_HEARD_INPUT: return .input
    case JW_HEARD_INTERIM: return .interim
    case JW_HEARD_REPLY: return .reply
    default: return .nothing
    }
  }

  /// Reads the head of the next reply: its status.
  public func reply() throws(ClientError) -> Int {
    var status: Int32 = 0
    try call { error in jw_client_reply(client, &status, &error) }
    return Int(status)
  }

  /// A header of the last reply.
  public func header(_ name: String) -> String? { jw_client_header(client, name).map { String(cString: $0) } }

  /// How many milliseconds the rest of the last reply may be silent, in place of ``ConnectionSettings/replyTimeout``; 0: for
  /// ever. A server that vanished is noticed in any case.
  public func allowSilence(_ milliseconds: UInt32) { jw_client_set_patience(client, milliseconds) }

  /// Reads body bytes into `buffer`; 0 at the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ClientError) -> Int {
    var error = jw_error()
    let count = jw_client_read(client, buffer.baseAddress!, buffer.count, &error)
    guard count >= 0 else { throw ClientError(error) }
    return count
  }

  /// Reads the rest of the body, `most` bytes of it at most.
  public func readAll(most: Int = 1 << 30) throws(ClientError) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    var bytes: [UInt8] = []
    while true {
      let count = try read(into: buffer)
      guard count > 0 else { return bytes }
      guard bytes.count + count <= most else { throw .malformed("the reply is larger than \(most) bytes") }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  private func call(_ body: (inout jw_error) -> Bool) throws(ClientError) {
    var error = jw_error()
    guard body(&error) else { throw ClientError(error) }
  }
}
