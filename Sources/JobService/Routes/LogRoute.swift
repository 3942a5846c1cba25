import JobAPI
import JobModel
import Platform

/// `GET /jobs/<id>/log`: both streams in the order in which their pieces arrived.
extension Worker {
  func log(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    let query = try head.query(allowed: "follow", "since", "tail", "stdout", "stderr")
    let form = LogForm(accept: head.header("accept"))
    let task = LogTask(self, form, try LogStart(query), follows: try query.flag("follow"))
    try task.prepare(exchange, id)
    exchange.begin(task)
    exchange.beginReply(200, type: form.type)
    guard !head.isHead else { return task.finishEmpty(exchange) }
    task.wake(exchange)
  }
}

/// Where in a log a request wants to begin, by its query.
struct LogStart {
  /// Bytes of each stream the client has already.
  var offsets: [UInt64]
  /// Microseconds since 1970.
  var since: Int64?
  var lastLines: Int?

  init(_ query: Query) throws(Problem) {
    offsets = [try query.number("stdout") ?? 0, try query.number("stderr") ?? 0]
    lastLines = try query.number("tail").map { Int(clamping: $0) }
    since = try query.time("since")
  }
}

extension Query {
  /// A query parameter that is a point in time, as microseconds since 1970.
  func time(_ name: String) throws(Problem) -> Int64? {
    guard let text = self[name] else { return nil }
    if let time = TimeText.microseconds(text) { return time }
    if let back = DurationText(text) { return Clock.microseconds() - back.milliseconds * 1000 }
    throw Problem(400, "query parameter \"\(name)\" must be \(TimeText.allowed)")
  }
}

/// Sends a log, as far as it goes or until the job has ended. Bytes are read from the streams' files when the client
/// takes them: a slow client holds one block.
private final class LogTask: ExchangeTask {
  private unowned let worker: Worker
  private let form: LogForm
  private let start: LogStart
  private let follows: Bool
  private var job: FollowedJob!
  private var cursor: LogCursor!
  private var isOver = false
  private var isStarted = false

  init(_ worker: Worker, _ form: LogForm, _ start: LogStart, follows: Bool) {
    self.worker = worker
    self.form = form
    self.start = start
    self.follows = follows
  }

  func prepare(_ exchange: Exchange, _ id: JobID) throws {
    job = try FollowedJob(worker, id, exchange, .log, OutputStream.allCases)
    cursor = LogCursor(worker.api, id, start)
  }

  func finishEmpty(_ exchange: Exchange) {
    isOver = true
    exchange.endReply()
  }

  override func wake(_ exchange: Exchange) { pump(exchange) }
  override func writable(_ exchange: Exchange) { pump(exchange) }
  override func ended() { job.end() }

  private func pump(_ exchange: Exchange) {
    guard !isOver, !exchange.isFull else { return }
    do {
      try send(exchange)
    } catch {
      worker.api.log.error("log_failed", ["error": "\(error)"])
      isOver = true
      exchange.abortReply()
    }
  }

  private func send(_ exchange: Exchange) throws {
    let record = try job.current()
    let isRunning = record.state == .running
    if isRunning {
      // Not told yet how far the output is: the supervisor's answer to `watch` wakes this again.
      guard let progress = job.progress else { return }
      guard try cursor.pieces.take(progress) else { return }
    } else if !cursor.isFinal {
      cursor.isFinal = true
      try cursor.pieces.take(
        record, stored: try worker.reader.log(client: record.client, id: record.id) ?? [])
    }
    cursor.kept =
      isRunning ? [job.progress!.stdout, job.progress!.stderr] : [record.stdout.kept, record.stderr.kept]
    cursor.end = record.finished
    if !isStarted {
      isStarted = true
      try cursor.seek()
      if form == .frames { _ = exchange.write(form.encodeStart(cursor.sent)) }
    }
    while let part = try cursor.next() {
      guard exchange.write(form.encode(part)) else { return }
    }
    if isRunning && follows { return }
    finish(exchange, record)
  }

  private func finish(_ exchange: Exchange, _ record: JobRecord) {
    isOver = true
    _ = exchange.write(form.encodeEnd(record))
    exchange.endReply()
  }
}

/// A part of the log, ready to be sent.
struct LogPart {
  let time: Int64
  let stream: OutputStream
  let offset: UInt64
  var bytes: [UInt8]
}
