import CJobHTTP
import JobAPI
import JobModel
import Platform

/// `POST /jobs:run`: creates a job and answers with its end, whole or as it comes.
extension Worker {
  func beginRun(_ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    let wait = try head.query(allowed: "wait").duration("wait")
    try head.requireBody()
    try head.requireJSON()
    let deadline = try wait.map { try ReplyDeadline(self, exchange, milliseconds: $0.milliseconds) }
    let task = RunTask(
      self, form: LogForm(run: head.header("accept")), deadline, try creator(exchange, head))
    exchange.begin(task)
    return JC_BODY_WHOLE
  }
}

extension LogForm {
  /// Nil: the result whole, as JSON.
  fileprivate init?(run accept: String?) {
    guard let accept, accept.contains(MediaType.frames) || accept.contains(MediaType.ndjson) else {
      return nil
    }
    self.init(accept: accept)
  }
}

/// From the request's body until the job has ended, or is followed by a ``LogTask``.
private final class RunTask: ExchangeTask {
  private let form: LogForm?
  private let creator: Creator
  private var deadline: ReplyDeadline?
  private var removes = false
  private var stopsWhenLeft = false
  private var exchangeEnd: ExchangeEnd?
  /// Of a reply that is streamed; of one that is given whole.
  private var permit: FollowerPermit?
  private var count: RunCount?
  /// Who asks, from the first byte on.
  private var principal: Principal!
  /// Known once the job is.
  private var job: (id: JobID, client: Int64)?
  private var observer: JobTable.Observer?
  private var hasHead = false
  private var hasReplied = false
  /// The reply tells the job's end.
  private var isResultTold = false

  init(_ worker: Worker, form: LogForm?, _ deadline: ReplyDeadline?, _ creator: Creator) {
    (self.form, self.deadline, self.creator) = (form, deadline, creator)
    super.init(worker)
  }

  private var isTimeUp: Bool { deadline?.isOver == true }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do {
      let creation = try creation(RunRequest(strictJSON: bytes))
      principal = exchange.principal
      if form == nil {
        count = RunCount(worker.api.clients, principal.client)
      } else {
        permit = try worker.followerPermit(exchange)
      }
      let by = principal.by
      worker.askAtLength(for: exchange) {
        .create(ticket: $0, by: by, creation)
      } then: { [self] exchange, answer in
        guard let exchange else { return answeredTooLate(answer) }
        do { try answered(try answer.mapError(Problem.init).get(), exchange) } catch { fail(exchange, error) }
      }
    } catch {
      worker.fail(exchange, error)
    }
  }

  private func creation(_ run: RunRequest) throws(InvalidRequest) -> ApiRequest.Creation {
    (removes, stopsWhenLeft) = (run.removes == true, run.onDisconnect == .stop)
    let isEarly = form != nil || deadline != nil || stopsWhenLeft
    return try creator.run(run, isEarly: isEarly)
  }

  private func fail(_ exchange: Exchange, _ error: any Error) {
    if hasHead {
      endStream(exchange, error)
    } else if job != nil, let error = error as? SystemError, error.isShortage {
      // Not one after which the request is to be tried again: the job was launched.
      worker.api.log.error("request_failed", ["error": "\(error)"])
      exchange.problem(500, "the job was launched, and its result cannot be read: \(error)")
    } else {
      worker.fail(exchange, error)
    }
  }

  private func endStream(_ exchange: Exchange, _ error: any Error) {
    guard let job, let form, let problem = error as? Problem else { return exchange.abortReply() }
    hasReplied = true
    var record = JobRecord(id: job.id, client: job.client, created: 0)
    (record.state, record.error) = (.error, problem.detail)
    end(exchange, form.encodeEnd(record, ofRun: true))
  }

  /// The last of a stream.
  private func end(_ exchange: Exchange, _ bytes: [UInt8]) {
    _ = exchange.write(bytes)
    exchange.endReply()
  }

  private func answered(_ answer: Granted, _ exchange: Exchange) throws {
    switch answer {
    case .launched(let id):
      try know(id)
      if form != nil { beginStream(exchange) }
      if isTimeUp { replyUnfinished(exchange) }
    case .job(let id):
      guard !hasReplied else { return }
      try know(id)
      try form == nil ? observe(exchange) : follow(exchange)
    case .ran(let record, let output):
      guard !hasReplied else { return }
      job = (record.id, record.client)
      form == nil ? try reply(record, output, exchange) : replyInFrames(record, output, exchange)
    case .nothing, .usage: throw MalformedBytes()
    }
  }

  private func know(_ id: JobID) throws {
    guard let client = worker.number(of: principal) else { throw MalformedBytes() }
    job = (id, client)
  }

  private var idField: HeaderField { HeaderField("Job-Id", "\(job!.id)") }

  // MARK: The result whole

  private func observe(_ exchange: Exchange) throws {
    guard let job else { return }
    guard let entry = try worker.observe(job.id, of: job.client, exchange) else {
      throw Problem.deletedMeanwhile
    }
    guard entry.record.state == .running else { return try reply(entry.record, nil, exchange) }
    observer = worker.observer(exchange)
    if isTimeUp { replyUnfinished(exchange) }
  }

  /// The job has changed, or the time is up.
  override func wake(_ exchange: Exchange) {
    guard !hasReplied else { return }
    do {
      if observer != nil, let job {
        guard let record = try worker.record(job.id, of: job.client) else { throw Problem.deletedMeanwhile }
        if record.state != .running { return try reply(record, nil, exchange) }
      }
    } catch {
      return fail(exchange, error)
    }
    if isTimeUp, job != nil { replyUnfinished(exchange) }
  }

  private func reply(_ record: JobRecord, _ output: HeldOutput?, _ exchange: Exchange) throws {
    let body = try OutputBody(worker.api, ofRun: record, output)
    hasReplied = true
    try worker.reply(body, exchange) { [self] end in over(end) }
    isResultTold = true
  }

  /// The job goes on.
  private func replyUnfinished(_ exchange: Exchange) {
    guard let job, !hasReplied else { return }
    hasReplied = true
    var record = JobRecord(id: job.id, client: job.client, created: 0)
    if let entry = worker.api.table.entry(job.id, of: job.client) { record = entry.record }
    if let form, hasHead { return end(exchange, form.encodeEnd(record, ofRun: true)) }
    var status: [UInt8] = []
    StatusBody.encodeRun(record, into: &status)
    exchange.reply(202, type: "application/json", fields: [idField], body: status)
  }

  // MARK: The result as it comes

  private func beginStream(_ exchange: Exchange) {
    guard !hasHead, let form else { return }
    hasHead = true
    exchange.beginReply(200, type: form.type, fields: [idField])
  }

  private func follow(_ exchange: Exchange) throws {
    guard let job, let form else { return }
    let followed: FollowedJob
    do {
      followed = try FollowedJob(worker, job.id, exchange, .log, OutputStream.allCases, permit)
    } catch is NoSuchJob {
      throw Problem.deletedMeanwhile
    }
    beginStream(exchange)
    hasReplied = true
    let start = LogStart(offsets: [0, 0])
    let log = LogTask(
      worker, form, followed, LogCursor(job.id, start, in: worker.api.output), follows: true, isRun: true)
    log.deadline = deadline
    log.onEnd = { [self, unowned log] end in
      isResultTold = log.isEndTold
      over(end)
    }
    exchange.begin(log)
    log.wake(exchange)
  }

  private func replyInFrames(_ record: JobRecord, _ output: HeldOutput, _ exchange: Exchange) {
    guard let form else { return }
    beginStream(exchange)
    (hasReplied, isResultTold) = (true, true)
    end(exchange, form.encode(output) + form.encodeEnd(record, ofRun: true))
  }

  // MARK: The end of the exchange

  override func ended(_ end: ExchangeEnd) { over(end) }

  /// The reply is given, or its connection is gone.
  func over(_ end: ExchangeEnd) {
    exchangeEnd = end
    (deadline, count) = (nil, nil)
    guard let job else { return }
    if let observer { worker.api.table.forget(job.id, observer) }
    handOver(job.id, job.client, isWhole: end == .complete && isResultTold)
  }

  /// The job is known only now, or its result, and nobody waits for it any more.
  private func answeredTooLate(_ answer: Answer) {
    switch answer {
    case .success(.launched(let id)), .success(.job(let id)):
      guard let client = worker.number(of: principal) else { return }
      handOver(id, client, isWhole: false)
    case .success(.ran(let record, _)): handOver(record.id, record.client, isWhole: false)
    default: break
    }
  }

  private func handOver(_ id: JobID, _ client: Int64, isWhole: Bool) {
    if removes {
      worker.api.link.send(.delivered(client: client, ids: [id], isWhole: isWhole))
    }
    if stopsWhenLeft, exchangeEnd == .left, !isWhole {
      worker.api.link.send(
        .stop(ticket: 0, by: principal.by, client: client, id: id, grace: nil, queued: false))
    }
  }
}

extension Problem {
  /// As the supervisor says it of a job that is deleted before it has ended.
  static let deletedMeanwhile = Problem(409, "the job was deleted")
}
