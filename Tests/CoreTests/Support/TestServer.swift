import CJobHTTP
import CJobLoop
import Glibc
import Synchronization
import Testing

import enum Harness.Poll
import class Harness.Thread

/// A server on a loop and a thread of its own, with a small application in it.
final class TestServer: @unchecked Sendable {
  // The C handles are used on the loop's thread, or while it does not run; `log` is locked.
  struct Log: Sendable {
    var opened: [String] = []
    var closed = 0
    var ended: [Bool] = []
    var failures: [String] = []
    /// What those who were not let in showed.
    var strangers: [(name: String?, serial: String?)] = []
    var bodyPieces = 0
    var writable = 0
    var drained = false
  }

  let authority: Authority
  private(set) var port: UInt16 = 0
  private let log = Mutex(Log())
  private var tls: OpaquePointer?
  private var loop: OpaquePointer?
  private(set) var server: OpaquePointer?
  private var thread: Thread?

  // On the loop's thread only.
  var held: [UInt64] = []
  var bodies: [UInt64: [UInt8]] = [:]
  var left = 0
  var file = ""
  var woken: [Int64] = []
  var onWoken: (OpaquePointer) -> Void = { _ in }

  init(
    _ authority: Authority, maxConnections: Int = 64, sessions: Int = 32, revoked: String? = nil,
    identity: jc_identity = JC_IDENTITY_COMMON_NAME,
    _ adjust: (inout jc_server_options) -> Void = { _ in }
  ) throws {
    self.authority = authority
    let own = try authority.issue("localhost", server: true)
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    let made = withStrings([own.certificate, own.key, authority.own.certificate]) { strings in
      var options = jc_tls_options(
        certificate_file: strings[0], key_file: strings[1], client_ca_file: strings[2], crl_file: nil,
        lists_are_partial: false, session_cache: sessions, identity: identity)
      guard let revoked else { return jc_tls_new(&options, &tls, &error) }
      return revoked.withCString {
        options.crl_file = $0
        return jc_tls_new(&options, &tls, &error)
      }
    }
    try #require(made == 0, "\(text(error))")
    try #require(jc_loop_new(&loop) == 0)
    var listener: Int32 = -1
    try #require(jc_listen("127.0.0.1", 0, false, &listener, &port, &error) == 0)
    var options = jc_server_options(
      listen_fd: listener, max_head: 16384, max_body: 1 << 20, max_connections: maxConnections,
      max_handshakes: maxConnections,
      handshake_ms: 30_000, head_ms: 30_000, body_ms: 30_000, idle_ms: 30_000, write_ms: 30_000,
      budget: nil, counts: nil)
    adjust(&options)
    var handler = Self.handler
    let context = Unmanaged.passUnretained(self).toOpaque()
    try #require(jc_server_new(loop!, tls!, &options, &handler, context, &server) == 0)
    let pointer = UncheckedPointer(UnsafeMutableRawPointer(loop!))
    thread = Thread { precondition(jc_loop_run(OpaquePointer(pointer.value)) == 0) }
  }

  func stop() {
    jc_loop_stop(loop!)
    thread?.join()
    jc_server_free(server)
    jc_loop_free(loop)
    jc_tls_free(tls)
  }

  /// Runs `body` on the loop's thread and waits for it.
  func onLoop<Result: Sendable>(_ body: @escaping @Sendable (TestServer) -> Result) -> Result {
    let work = Work(self, body)
    let posted = jc_loop_post(
      loop!, { Unmanaged<AnyWork>.fromOpaque($0!).takeRetainedValue().run() }, work.retained)
    precondition(posted == 0)
    waitUntil { work.result.withLock { $0 != nil } }
    return work.result.withLock { $0! }
  }

  private class AnyWork {
    func run() {}
    var retained: UnsafeMutableRawPointer { Unmanaged<AnyWork>.passRetained(self).toOpaque() }
  }
  private final class Work<Result: Sendable>: AnyWork {
    let server: TestServer
    let body: @Sendable (TestServer) -> Result
    let result = Mutex<Result?>(nil)
    init(_ server: TestServer, _ body: @escaping @Sendable (TestServer) -> Result) {
      (self.server, self.body) = (server, body)
    }
    override func run() {
      let made = body(server)
      result.withLock { $0 = made }
    }
  }

  func drain() {
    _ = onLoop { server in
      jc_server_drain(
        server.server!,
        { Unmanaged<TestServer>.fromOpaque($0!).takeUnretainedValue().note { $0.drained = true } },
        Unmanaged.passUnretained(server).toOpaque())
      return true
    }
  }

  var connections: Int { onLoop { jc_server_connections($0.server!) } }
  var seen: Log { log.withLock { $0 } }
  func note(_ change: (inout Log) -> Void) { log.withLock { change(&$0) } }
  func wait(_ what: @escaping (Log) -> Bool) { waitUntil { what(self.seen) } }
}

/// Polls until it holds; after a minute the test fails.
func waitUntil(_ holds: () -> Bool) {
  #expect(throws: Never.self) { try Poll.until("what must come", holds) }
}

private func withStrings<Result>(_ strings: [String], _ body: ([UnsafePointer<CChar>]) -> Result) -> Result {
  let copies = strings.map { strdup($0)! }
  defer { for copy in copies { free(copy) } }
  return body(copies.map { UnsafePointer($0) })
}

/// The text of a buffer that C filled.
func text(_ buffer: [CChar]) -> String {
  String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
