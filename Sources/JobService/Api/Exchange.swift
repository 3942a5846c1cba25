import CJobHTTP
import JobAPI

/// One request and its reply, while it is open. Worker's thread only.
struct Exchange {
  let pointer: OpaquePointer

  /// Who is asking.
  var principal: Principal {
    Unmanaged<Principal>.fromOpaque(jc_exchange_peer(pointer)!).takeUnretainedValue()
  }
  /// Finds the exchange again when an answer comes later: it may be over by then.
  var number: UInt64 { jc_exchange_id(pointer) }

  /// Gives the exchange a task that outlives the callback, until the exchange is over or another one takes its place.
  func begin(_ task: ExchangeTask) {
    releaseTask()
    jc_exchange_set_user(pointer, Unmanaged.passRetained(task).toOpaque())
  }

  var task: ExchangeTask? {
    jc_exchange_user(pointer).map { Unmanaged<ExchangeTask>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Has the task's ``ExchangeTask/wake(_:)`` called when it is the turn of the client's connection.
  func wake() { jc_exchange_wake(pointer) }

  /// The exchange is over: its task is released.
  func releaseTask() {
    guard let user = jc_exchange_user(pointer) else { return }
    Unmanaged<ExchangeTask>.fromOpaque(user).release()
  }

  func reply(
    _ status: Int32, type: StaticString = "", fields: [HeaderField] = [], body: UnsafeRawBufferPointer
  ) {
    HeaderField.withHead(status, type, fields) { jc_reply(pointer, $0, body.baseAddress, body.count) }
  }

  func reply(_ status: Int32, type: StaticString = "", fields: [HeaderField] = [], body: [UInt8] = []) {
    body.withUnsafeBytes { reply(status, type: type, fields: fields, body: $0) }
  }

  /// An interim reply (1xx): the reply itself comes later.
  func inform(_ status: Int32, _ fields: [HeaderField]) {
    HeaderField.withHead(status, "", fields) { jc_reply_interim(pointer, $0) }
  }

  func reply(json body: some Encodable) { reply(encoded: JSONBody.encode(body)) }
  func reply(encoded text: [UInt8]) { reply(200, type: "application/json", body: text) }

  /// An application/problem+json reply, as for every request that went wrong.
  func problem(_ status: Int32, _ detail: String, fields: [HeaderField] = []) {
    HeaderField.withHead(status, "", fields) { head in
      detail.withCString { jc_reply_problem(pointer, head, $0, detail.utf8.count) }
    }
  }

  /// `length` nil: not known.
  func beginReply(
    _ status: Int32, type: StaticString, fields: [HeaderField] = [], length: UInt64? = nil
  ) {
    HeaderField.withHead(status, type, fields) { jc_reply_begin(pointer, $0, length.map(Int64.init) ?? -1) }
  }

  /// False: enough is queued, wait for `writable`.
  func write(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty else { return true }
    return bytes.withUnsafeBytes { jc_reply_write(pointer, $0.baseAddress!, $0.count) }
  }

  /// Whether enough is queued, and `writable` has not come yet: what is written now only costs memory.
  var isFull: Bool { jc_reply_waits(pointer) }

  func endReply() { jc_reply_end(pointer) }
  func abortReply() { jc_reply_abort(pointer) }
}
