import CJobHTTP
import JobAPI
import JobLoop
import JobModel
import Platform

/// `PUT /jobs/<id>/stdin`: the body goes into the job's standard input as fast as the job reads it.
extension Worker {
  func beginInput(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    let query = try head.query(allowed: "close", "offset", "progress", "writer", "leave")
    let close = try query.flag("close", default: true)
    let offset = try query.number("offset")
    let progress = try query.duration("progress")
    let writer = try query.writer()
    let leaves = try query.flag("leave")
    guard !leaves || (writer != nil && !close) else {
      throw Problem(400, "query parameter \"leave\" needs \"writer\" and \"close=0\"")
    }
    guard progress == nil || offset != nil else {
      throw Problem(400, "query parameter \"progress\" needs \"offset\"")
    }
    let client = try job(id, exchange.principal, .stdin).record.client
    try api.writers.require(id, writer)
    let entry = try observe(id, of: client, exchange)
    let task = InputTask(self, id, of: client, at: offset, close: close, observer(exchange))
    (task.writer, task.leaves) = (writer, leaves)
    guard let entry, entry.record.state == .running else {
      task.ended(.cut)
      throw Problem(.inputEnded)
    }
    if let progress {
      do {
        try task.tell(exchange, every: progress)
      } catch {
        task.ended(.cut)
        throw error
      }
    }
    return begin(task, exchange, head, JC_BODY_STREAM)
  }
}

/// A body on its way into a job's standard input. While the job waits for a slot, so does the client: no more than one
/// piece of the body is held.
private final class InputTask: ExchangeTask {
  private let id: JobID
  private let client: Int64
  private let close: Bool
  private let observer: JobTable.Observer
  /// What came while the job waited.
  private var held: (bytes: [UInt8], last: Bool)?
  private var isFirst = true
  /// Where the next piece belongs in all of the input, if the client said so; and how far the job has it.
  private var offset, taken: UInt64?
  /// Who writes, to a terminal.
  var writer: String?
  /// Who needs the terminal no more once the job has the body.
  var leaves = false
  /// Goes off when the client was told nothing for a while; nil: it does not want to know.
  private var timer: LoopTimer?
  private var pause: UInt64 = 0
  private static let shortestPause: Int64 = 100

  init(
    _ worker: Worker, _ id: JobID, of client: Int64, at offset: UInt64?, close: Bool,
    _ observer: JobTable.Observer
  ) {
    (self.id, self.client, self.close, self.observer) = (id, client, close, observer)
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
    held = ([UInt8](bytes), last)
    sendHeld(exchange)
  }

  private var jobWaits: Bool { worker.api.table.entry(id, of: client)?.record.isQueued == true }

  private func sendHeld(_ exchange: Exchange) {
    guard !jobWaits, let (bytes, last) = held else { return }
    held = nil
    do { try worker.api.writers.require(id, writer) } catch { return refuse(exchange, error) }
    guard !bytes.isEmpty || !last || !leaves else { return end(exchange) }
    let (at, by, isFirst) = (offset, exchange.principal.by, isFirst)
    self.isFirst = false
    offset = offset.map { $0 + UInt64(bytes.count) }
    worker.request(for: exchange) { ticket in
      .input(
        ticket: ticket, by: by, client: client, id: id, offset: at, bytes: bytes, isFirst: isFirst,
        close: last && close)
    } then: { [unowned self] exchange, _ in
      guard !last else { return end(exchange) }
      taken = offset
      tellProgress(exchange)
      jc_exchange_resume_body(exchange.pointer)
    }
  }

  /// The job has all of the body.
  private func end(_ exchange: Exchange) {
    if leaves, let writer { worker.api.writers.leave(id, writer) }
    exchange.reply(encoded: Array("{}".utf8))
  }

  /// Somebody else writes from now on.
  private func refuse(_ exchange: Exchange, _ problem: Problem) {
    timer = nil
    worker.fail(exchange, problem)
  }

  override func wake(_ exchange: Exchange) {
    // It is not launched any more while this process serves.
    guard !worker.isDraining || !jobWaits else { return endForDrain(exchange) }
    sendHeld(exchange)
    tellProgress(exchange)
  }

  private func endForDrain(_ exchange: Exchange) {
    exchange.problem(503, "the daemon serves this connection no longer")
  }

  override func ended(_ end: ExchangeEnd) { worker.api.table.forget(id, observer) }

  private func tellProgress(_ exchange: Exchange) {
    guard let timer, let taken else { return }
    // Whoever asks for progress goes on elsewhere, at the right byte: the daemon need not wait for its last.
    guard !worker.isDraining else { return endForDrain(exchange) }
    exchange.inform(104, [HeaderField("Upload-Offset", "\(taken)")])
    timer.start(milliseconds: pause)
  }
}
