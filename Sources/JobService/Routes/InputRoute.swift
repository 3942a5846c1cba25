import CJobHTTP
import JobAPI
import JobLoop
import JobModel
import Platform

/// `PUT /jobs/<id>/stdin`: the body goes into the job's standard input as fast as the job reads it.
extension Worker {
  func beginInput(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    let query = try head.query(allowed: "close", "offset", "progress")
    let close = try query.flag("close", default: true)
    let offset = try query.number("offset")
    let progress = try query.duration("progress")
    guard progress == nil || offset != nil else {
      throw Problem(400, "query parameter \"progress\" needs \"offset\"")
    }
    let record = try job(id, of: exchange.client, .stdin).record
    guard record.state == .running else { throw Problem(.inputEnded) }
    let task = InputTask(self, record, at: offset, close: close)
    if let progress { try task.tell(exchange, every: progress) }
    return begin(task, exchange, head, JC_BODY_STREAM)
  }
}

/// A body on its way into a job's standard input.
private final class InputTask: ExchangeTask {
  private let record: JobRecord
  private let close: Bool
  /// Where the next piece belongs in all of the input, if the client said so; and how far the job has it.
  private var offset, taken: UInt64?
  /// Goes off when the client was told nothing for a while; nil: it does not want to know.
  private var timer: LoopTimer?
  private var pause: UInt64 = 0
  private static let shortestPause: Int64 = 100

  init(_ worker: Worker, _ record: JobRecord, at offset: UInt64?, close: Bool) {
    (self.record, self.close) = (record, close)
    (self.offset, taken) = (offset, offset)
    super.init(worker)
  }

  /// Has the client be told how far the job has the input: as it gets on, and from time to time while it does not.
  func tell(_ exchange: Exchange, every time: DurationText) throws(SystemError) {
    let number = exchange.number
    pause = UInt64(max(time.milliseconds, Self.shortestPause))
    timer = try LoopTimer(worker.loop) { [unowned worker] in worker.wake(number) }
    timer?.start(milliseconds: pause)
  }

  /// One piece of the body is on its way at a time: the next is read when the job's pipe has taken it.
  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    if !last { jc_exchange_pause_body(exchange.pointer) }
    let at = offset
    offset = offset.map { $0 + UInt64(bytes.count) }
    worker.request(for: exchange) { ticket in
      .input(
        ticket: ticket, client: record.client, id: record.id, offset: at, bytes: [UInt8](bytes),
        close: last && close)
    } then: { [unowned self] exchange, _ in
      guard !last else { return exchange.reply(encoded: Array("{}".utf8)) }
      taken = offset
      wake(exchange)
      jc_exchange_resume_body(exchange.pointer)
    }
  }

  override func wake(_ exchange: Exchange) {
    guard let timer, let taken else { return }
    // Whoever asks for progress goes on elsewhere, at the right byte: the daemon need not wait for its last.
    guard !worker.isDraining else {
      return exchange.problem(503, "the daemon serves this connection no longer")
    }
    exchange.inform(104, [HeaderField("Upload-Offset", "\(taken)")])
    timer.start(milliseconds: pause)
  }
}
