import JobAPI
import JobModel
import JobStore

/// `GET /jobs/<id>` and `GET /jobs`.
extension Worker {
  func detail(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    let entry = try job(id, of: exchange.client, .detail)
    guard let plan = try reader.plan(client: entry.record.client, id: id) else { throw NoSuchJob(.detail) }
    var detail = JobDetail(measured(entry), plan)
    if entry.record.isQueued { detail.facts.ahead = try ahead(of: entry.record, plan) }
    exchange.reply(json: detail)
  }

  private func ahead(of record: JobRecord, _ plan: JobPlan) throws -> Int {
    let place = QueuePlace(priority: plan.priority, id: record.id)
    return try reader.ahead(client: record.client, of: place, most: JobFacts.mostAhead)
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
      allowed: "state", "label", "since", "match", "limit", "cursor", repeatable: "state", "label")
    let filter = try JobFilter(query)
    let limit = try query.limit()
    let cursor = try query.cursor()
    guard let client = api.clients.number(Int(exchange.client)) else {
      return exchange.reply(json: JobList(jobs: []))
    }
    let page = try reader.list(client: client, filter, before: cursor, limit: limit)
    // What runs is known better in memory: its process, and whether it has ended since.
    let jobs = page.jobs.map { job in
      let entry = api.table.entry(job.record.id, of: client) ?? JobTable.Entry(record: job.record, pid: 0)
      return JobDetail(measured(entry), job.plan)
    }
    exchange.reply(json: JobList(jobs: jobs, next: page.next?.description))
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
  init(_ entry: JobTable.Entry, _ plan: JobPlan) {
    var facts = JobFacts(entry.record)
    facts.pid = entry.pid == 0 ? nil : entry.pid
    if let progress = entry.progress {
      (facts.stdoutBytes, facts.stderrBytes) = (Int64(progress.stdout), Int64(progress.stderr))
    }
    self.init(request: plan.visibleRequest, state: entry.record.statusReply, facts: facts)
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
    // An earlier daemon did not learn it of jobs that it adopted; no process needs no time.
    guard record.state == .completed, record.userTime + record.systemTime > 0 else { return }
    usage = ResourceUsage(
      userMicroseconds: Int64(record.userTime), systemMicroseconds: Int64(record.systemTime),
      maxResidentKiB: record.peakMemory > 0 ? Int64(record.peakMemory) : nil)
  }
}
