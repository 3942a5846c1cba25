import JobAPI
import JobModel
import Platform

/// `GET /jobs/<id>/log`: both streams in the order in which their pieces arrived.
extension Worker {
  func log(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    let query = try head.query(allowed: "follow", "since", "tail", "stdout", "stderr", "writer", "take_over")
    let form = LogForm(accept: head.header("accept"))
    let start = try LogStart(query)
    let follows = try query.flag("follow")
    let writer = try query.writer()
    guard writer == nil || follows else {
      throw Problem(400, "query parameter \"writer\" needs \"follow=1\"")
    }
    guard writer == nil || head.header("sec-fetch-dest") != "document" else {
      throw Problem(403, "a page that is opened claims no terminal: leave out query parameter \"writer\"")
    }
    let takesOver = try query.flag("take_over")
    guard !takesOver || writer != nil else {
      throw Problem(400, "query parameter \"take_over\" needs \"writer\"")
    }
    let claim: WriterClaim? =
      if let writer, !head.isHead {
        try self.claim(id, as: writer, takesOver: takesOver, exchange)
      } else {
        nil
      }
    let job = try FollowedJob(self, id, exchange, .log, OutputStream.allCases)
    exchange.beginReply(200, type: form.type)
    guard !head.isHead else {
      job.end()
      return exchange.endReply()
    }
    let task = LogTask(self, form, job, LogCursor(id, start, in: api.output), follows: follows)
    task.claim = claim
    exchange.begin(task)
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
}

extension LogStart {
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
final class LogTask: StreamTask {
  private let form: LogForm
  private let follows: Bool
  private let job: FollowedJob
  private let cursor: LogCursor
  private let isRun: Bool
  private var isStarted = false
  /// When it ends though the job has not.
  var deadline: ReplyDeadline?
  /// Its client writes into the job's terminal.
  var claim: WriterClaim?
  /// The job's end was the last that was sent.
  private(set) var isEndTold = false

  /// `isRun`: the reply to a run request, which ends with the job's state in each form.
  init(
    _ worker: Worker, _ form: LogForm, _ job: FollowedJob, _ cursor: LogCursor, follows: Bool,
    isRun: Bool = false
  ) {
    (self.form, self.job, self.cursor, self.follows, self.isRun) = (form, job, cursor, follows, isRun)
    super.init(worker, failure: "log_failed")
  }

  override func ended(_ end: ExchangeEnd) {
    job.end()
    if end != .complete { claim?.lose() }
    super.ended(end)
  }

  private var isTimeUp: Bool { deadline?.isOver == true }

  /// Who writes goes on elsewhere: by a later reply, or with the process that serves in place of this one.
  private var isClaimOver: Bool { claim.map { worker.isDraining || $0.isTaken } ?? false }

  override func send(_ exchange: Exchange) throws -> Bool {
    guard !isClaimOver else { return true }
    let record = try job.current()
    let isRunning = record.state == .running
    let progress = record.isQueued ? OutputProgress() : job.progress
    if isRunning {
      // Not told yet how far the output is: the supervisor's answer to `watch` wakes this again.
      guard let progress, try cursor.pieces.take(progress) else {
        guard isTimeUp else { return false }
        _ = exchange.write(form.encodeEnd(record, ofRun: isRun))
        return true
      }
    } else if !cursor.isFinal {
      cursor.isFinal = true
      try cursor.pieces.take(
        record, stored: try worker.reader.log(client: record.client, id: record.id) ?? [])
    }
    cursor.kept =
      isRunning ? [progress!.stdout, progress!.stderr] : [record.stdout.kept, record.stderr.kept]
    cursor.end = record.finished
    cursor.beginTurn()
    if !isStarted {
      isStarted = try cursor.seek()
      guard isStarted else {
        exchange.wake()
        return false
      }
      if form == .frames { _ = exchange.write(form.encodeStart(cursor.sent)) }
    }
    while let part = try cursor.next() {
      guard exchange.write(form.encode(part)) else { return false }
    }
    guard !cursor.isTurnOver else {
      exchange.wake()
      return false
    }
    if isRunning && follows && !isTimeUp { return false }
    isEndTold = !isRunning
    _ = exchange.write(form.encodeEnd(record, ofRun: isRun))
    return true
  }
}

/// A part of the log, ready to be sent.
struct LogPart {
  let time: Int64
  let stream: OutputStream
  let offset: UInt64
  var bytes: [UInt8]
}
