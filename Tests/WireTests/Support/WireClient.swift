import CJobWire
import Glibc

/// A failed call: its kind and words.
struct WireError: Error, Equatable, CustomStringConvertible {
  let kind: jw_failure
  let description: String

  init(_ error: jw_error) {
    kind = error.kind
    description = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// The C client, with errors thrown.
final class WireClient {
  struct Settings {
    var host = "localhost"
    var port: UInt16
    var serverName: String?
    var authority: String
    var identity: Identity
    var sessions: String?
    var connectTime: UInt32 = 60_000
    var replyTime: UInt32 = 60_000
  }

  private let client: OpaquePointer

  init(_ settings: Settings) throws {
    let strings = [
      settings.host, settings.authority, settings.identity.certificate, settings.identity.key,
      settings.serverName ?? "", settings.sessions ?? "",
    ]
    var error = jw_error()
    var made: OpaquePointer?
    let opened = withStrings(strings) { strings in
      var options = jw_client_options(
        host: strings[0]!, port: settings.port, proxy: nil,
        server_name: settings.serverName == nil ? nil : strings[4],
        ca_file: strings[1]!, certificate_file: strings[2]!, key_file: strings[3]!, passphrase: nil,
        session_directory: settings.sessions == nil ? nil : strings[5], connect_ms: settings.connectTime,
        io_ms: settings.replyTime)
      return jw_client_open(&options, &made, &error)
    }
    guard opened, let made else { throw WireError(error) }
    client = made
  }

  deinit { jw_client_free(client) }

  var isReusable: Bool { jw_client_reusable(client) }
  func header(_ name: String) -> String? { jw_client_header(client, name).map { String(cString: $0) } }

  private func call(_ body: (inout jw_error) -> Bool) throws {
    var error = jw_error()
    guard body(&error) else { throw WireError(error) }
  }

  func request(_ method: String, _ target: String = "/", headers: String = "", length: Int64 = 0) throws {
    try call { error in jw_client_request(client, method, target, headers, length, &error) }
  }
  func write(_ bytes: [UInt8]) throws {
    try call { error in jw_client_write(client, bytes, bytes.count, &error) }
  }
  func writeEnd() throws { try call { error in jw_client_write_end(client, &error) } }

  func listen(_ input: Int32 = -1, milliseconds: UInt32 = 60_000) throws -> jw_heard {
    var heard = JW_HEARD_NOTHING
    try call { error in jw_client_listen(client, input, milliseconds, &heard, &error) }
    return heard
  }

  func reply() throws -> Int {
    var status: Int32 = 0
    try call { error in jw_client_reply(client, &status, &error) }
    return Int(status)
  }

  func read(most: Int = 65536) throws -> [UInt8] {
    var error = jw_error()
    let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
      count = max(0, jw_client_read(client, buffer.baseAddress!, most, &error))
    }
    guard error.kind == JW_OK else { throw WireError(error) }
    return bytes
  }

  func body(step: Int = 65536) throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let piece = try read(most: step)
      guard !piece.isEmpty else { return all }
      all += piece
    }
  }

  func get(_ target: String = "/") throws -> (status: Int, text: String) {
    try request("GET", target)
    let status = try reply()
    return (status, String(decoding: try body(), as: UTF8.self))
  }
}

/// The error `body` ends with, or nil.
func failure(_ body: () throws -> Void) -> WireError? {
  do {
    try body()
    return nil
  } catch {
    return error as? WireError
  }
}

/// A server for "localhost" that runs `script` for each connection, and what a client of it needs.
func withServer(
  _ script: @escaping @Sendable (Peer) -> Void, _ body: (WireClient.Settings) throws -> Void
) throws {
  let pki = try Pki()
  let context = try ServerContext(pki.server("localhost"), clientsOf: pki.authority)
  let server = try ScriptedServer { context.serve($0, script) }
  defer { server.stop() }
  try body(
    WireClient.Settings(
      port: server.port, authority: pki.authority.certificate, identity: pki.client()))
}
