import JobAPI
import JobModel
import JobStore

/// `GET /jobs/<id>` and `GET /jobs`.
extension Worker {
  func detail(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    let client = try owner(of: id, exchange.principal, .detail)
    guard let entry = api.table.entry(id, of: client), entry.pid != 0 else {
      return exchange.reply(json: try detail(id, of: client, [:], exchange))
    }
    withUsage([id], exchange) { [unowned self] exchange, usage in
      exchange.reply(json: try detail(id, of: client, usage, exchange))
    }
  }

  private func detail(
    _ id: JobID, of client: Int64, _ usage: [JobID: JobUsage], _ exchange: Exchange
  ) throws -> JobDetail {
    // The row after the table: of what has ended there it has the end.
    let entry = api.table.entry(id, of: client)
    guard let row = try reader.whole(client: client, id: id) else { throw NoSuchJob(.detail) }
    var detail = JobDetail(self.entry(entry, row.record), row.plan, usage[id])
    detail.facts.client = try clientName(client, for: exchange.principal)
    if detail.status == .running { detail.facts.writer = api.writers.name(id) }
    if detail.queued == true { detail.facts.ahead = try ahead(of: row.record, row.plan) }
    return detail
  }

  private func ahead(of record: JobRecord, _ plan: JobPlan) throws -> Int {
    let place = QueuePlace(priority: plan.priority, id: record.id)
    return try reader.ahead(client: record.client, of: place, most: JobFacts.mostAhead)
  }

  /// Asks what jobs that run use; `then` gets that of those that still do.
  private func withUsage(
    _ ids: [JobID], _ exchange: Exchange,
    then: @escaping (Exchange, [JobID: JobUsage]) throws -> Void
  ) {
    ask(for: exchange) {
      .usage(ticket: $0, ids: ids)
    } then: { [unowned self] in
      var usage: [JobID: JobUsage] = [:]
      if case .success(.usage(let jobs)) = $1 { for job in jobs { usage[job.id] = job } }
      do { try then($0, usage) } catch { fail($0, error) }
    }
  }

  private func entry(_ known: JobTable.Entry?, _ row: JobRecord) -> JobTable.Entry {
    known.map { measured($0.completed(by: row)) } ?? JobTable.Entry(record: row, pid: 0)
  }

  /// What nobody follows nobody tells of: its output is as long as its files are.
  private func measured(_ entry: JobTable.Entry) -> JobTable.Entry {
    guard entry.record.state == .running, !entry.record.isQueued, entry.progress == nil else { return entry }
    var entry = entry
    entry.record.stdout.kept = OutputFile.size(api.output, entry.record.id, OutputStream.stdout.suffix)
    entry.record.stderr.kept = OutputFile.size(api.output, entry.record.id, OutputStream.stderr.suffix)
    return entry
  }

  func list(_ exchange: Exchange, _ head: RequestHead) throws {
    let query = try head.query(
      allowed: "state", "queued", "label", "since", "match", "limit", "cursor", "usage", "client",
      repeatable: "state", "label")
    let filter = try JobFilter(query)
    let limit = try query.limit()
    let cursor = try query.cursor()
    let showsUsage = try query.flag("usage")
    guard let clients = try clients(query, exchange.principal, .list) else {
      return exchange.reply(json: JobList([], next: nil, exchange.principal))
    }
    let page =
      switch clients {
      case .one(let client): try reader.list(client: client, filter, before: cursor, limit: limit)
      case .all: try reader.listAll(filter, before: cursor, limit: limit)
      }
    let running = showsUsage ? page.jobs.lazy.filter { $0.record.state == .running }.map(\.record.id) : []
    guard !running.isEmpty else { return try reply(page, [:], exchange) }
    withUsage(running, exchange) { [unowned self] in try reply(page, $1, $0) }
  }

  private func reply(_ page: JobPage, _ usage: [JobID: JobUsage], _ exchange: Exchange) throws {
    let jobs = try page.jobs.map { job in
      let (id, client) = (job.record.id, job.record.client)
      var detail = JobDetail(entry(api.table.entry(id, of: client), job.record), job.plan, usage[id])
      detail.facts.client = try clientName(client, for: exchange.principal)
      return detail
    }
    exchange.reply(json: JobList(jobs, next: page.next, exchange.principal))
  }
}

extension JobList {
  fileprivate init(_ jobs: [JobDetail], next: JobID?, _ principal: Principal) {
    self.init(jobs: jobs, next: next?.description, client: principal.name, role: principal.otherRole)
  }
}

extension JobFilter {
  fileprivate init(_ query: Query) throws(Problem) {
    self.init()
    for state in query.all("state") {
      if state == "queued" {
        isQueued = true
      } else if let known = JobState(rawValue: state) {
        states.insert(known)
      } else {
        throw Problem(400, "query parameter \"state\" must be running, queued, error or completed")
      }
    }
    mayBeQueued = try query.flag("queued", default: true)
    labels = Set(query.all("label"))
    guard labels.allSatisfy({ $0.contains("=") }) else {
      throw Problem(400, "query parameter \"label\" must be NAME=VALUE")
    }
    since = try query.time("since")
    guard let text = query["match"]?.lowercased() else { return }
    guard text.utf8.count >= 4,
      text.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit || $0 == UInt8(ascii: "-") })
    else { throw Problem(400, "query parameter \"match\" must be 4 or more characters of a job id") }
    match = text
  }
}

extension Query {
  fileprivate func limit() throws(Problem) -> Int {
    guard let limit = try number("limit") else { return 100 }
    guard (1...1000).contains(limit) else {
      throw Problem(400, "query parameter \"limit\" must be 1 to 1000")
    }
    return Int(limit)
  }

  fileprivate func cursor() throws(Problem) -> JobID? {
    guard let text = self["cursor"] else { return nil }
    guard let id = JobID(text) else {
      throw Problem(400, "query parameter \"cursor\" must be the \"next\" of an earlier reply")
    }
    return id
  }
}

extension JobDetail {
  /// `usage`: while it runs.
  init(_ entry: JobTable.Entry, _ plan: JobPlan, _ usage: JobUsage?) {
    var facts = JobFacts(entry.record)
    if entry.record.state == .running, let usage { facts.take(usage) }
    facts.pid = entry.pid == 0 ? nil : entry.pid
    facts.traceparent = plan.traceparent?.text
    if let progress = entry.progress {
      (facts.stdoutBytes, facts.stderrBytes) = (Int64(progress.stdout), Int64(progress.stderr))
    }
    self.init(request: plan.visibleRequest, state: entry.record.statusReply, facts: facts)
  }
}

extension JobTable.Entry {
  /// What runs is known better in memory: its process, and whether it has ended since. The row alone tells when it was
  /// written, and what was cleaned up since it ended.
  func completed(by row: JobRecord) -> JobTable.Entry {
    var entry = self
    entry.record.stored = row.stored
    // Either may have been read before the job ended.
    guard record.state != .running, row.state != .running else { return entry }
    entry.record.saved = row.saved
    (entry.record.cleanup, entry.record.runnerError) = (row.cleanup, row.runnerError)
    return entry
  }
}

extension JobFacts {
  init(_ record: JobRecord) {
    self.init(id: record.id, created: TimeText.text(record.created))
    started = record.started == 0 ? nil : TimeText.text(record.started)
    finished = record.finished == 0 ? nil : TimeText.text(record.finished)
    (stdoutBytes, stderrBytes) = (Int64(record.stdout.kept), Int64(record.stderr.kept))
    stdoutDropped = record.stdout.dropped == 0 ? nil : Int64(record.stdout.dropped)
    stderrDropped = record.stderr.dropped == 0 ? nil : Int64(record.stderr.dropped)
    truncated = record.truncated
    adopted = record.flags.contains(.adopted) ? true : nil
    times = JobTimes(record)
    cleanup = Cleanup(record.cleanup)
    runnerError = record.runnerError
    // An earlier daemon did not learn it of jobs that it adopted; no process needs no time.
    guard record.state == .completed, record.userTime + record.systemTime > 0 else { return }
    usage = ResourceUsage(
      userMicroseconds: Int64(record.userTime), systemMicroseconds: Int64(record.systemTime),
      maxResidentKiB: record.peakMemory > 0 ? Int64(record.peakMemory) : nil,
      throttledMicroseconds: record.throttled > 0 ? Int64(record.throttled) : nil)
  }

  /// What it uses while it runs.
  fileprivate mutating func take(_ now: JobUsage) {
    usage = ResourceUsage(
      userMicroseconds: Int64(clamping: now.userTime), systemMicroseconds: Int64(clamping: now.systemTime),
      maxResidentKiB: now.peakMemory.map { Int64(clamping: $0 / 1024) },
      memoryBytes: now.memory.map { Int64(clamping: $0) },
      throttledMicroseconds: now.throttled.map { Int64(clamping: $0) })
    stdinBytes = now.input.map { Int64(clamping: $0) }
    times.firstOutput = now.firstOutput == 0 ? nil : TimeText.text(now.firstOutput)
  }
}

extension JobFacts.Cleanup {
  fileprivate init?(_ cleanup: JobRecord.Cleanup) {
    switch cleanup {
    case .none: return nil
    case .pending: self = .pending
    case .done: self = .done
    }
  }
}

extension JobTimes {
  fileprivate init(_ record: JobRecord) {
    func text(_ time: Int64) -> String? { time == 0 ? nil : TimeText.text(time) }
    self.init(created: TimeText.text(record.created))
    (stored, launched, started) = (text(record.stored), text(record.launched), text(record.started))
    (firstOutput, ended, saved) = (text(record.firstOutput), text(record.finished), text(record.saved))
  }
}
