import CJobHTTP
import JobAPI
import JobModel

/// `PUT /jobs/<id>/stdin`: the body goes into the job's standard input as fast as the job reads it.
extension Worker {
  func beginInput(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    let query = try head.query(allowed: "close", "offset")
    let close = try query.flag("close", default: true)
    let offset = try query.number("offset")
    let record = try job(id, of: exchange.client, .stdin).record
    guard record.state == .running else { throw Problem(.inputEnded) }
    let task = InputTask(self, record, at: offset, close: close)
    exchange.begin(task)
    guard head.hasBody else {
      task.body(exchange, UnsafeRawBufferPointer(start: nil, count: 0), last: true)
      return JC_BODY_NONE
    }
    return JC_BODY_STREAM
  }
}

/// One piece of the body is on its way at a time: the next is read when the job's pipe has taken it.
private final class InputTask: ExchangeTask {
  private unowned let worker: Worker
  private let record: JobRecord
  /// Where the next piece belongs in all of the input, if the client said so.
  private var offset: UInt64?
  private let close: Bool

  init(_ worker: Worker, _ record: JobRecord, at offset: UInt64?, close: Bool) {
    self.worker = worker
    self.record = record
    self.offset = offset
    self.close = close
  }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    if !last { jc_exchange_pause_body(exchange.pointer) }
    let (client, id, piece, closes, at) = (record.client, record.id, [UInt8](bytes), last && close, offset)
    offset = offset.map { $0 + UInt64(piece.count) }
    worker.ask(for: exchange) { ticket in
      .input(ticket: ticket, client: client, id: id, offset: at, bytes: piece, close: closes)
    } then: { [unowned worker] exchange, answer in
      if case .refused(let refusal) = answer { return worker.fail(exchange, Problem(refusal)) }
      guard last else { return jc_exchange_resume_body(exchange.pointer) }
      exchange.reply(200, type: "application/json", body: Array("{}".utf8))
    }
  }
}
