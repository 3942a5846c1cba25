import JobAPI
import JobModel

extension StoreReader {
  /// Bounds of one call, so that no other request waits long for it.
  private static let mostRows = 5000
  private static let mostIDs = 50_000
  static let mostBytes = 4 << 20

  /// At most `limit` of the client's jobs older than `cursor`, newest first. Stable while jobs come and go: a cursor
  /// is a place in the order of ids.
  package func list(client: Int64, _ filter: JobFilter, before cursor: JobID?, limit: Int) throws(StoreError)
    -> JobPage
  {
    let cursor = cursor ?? JobID(high: .max, low: .max)
    if let text = filter.match {
      guard let match = IDMatch(text) else { return JobPage() }
      return try listMatching(match, client, filter, before: cursor, limit)
    }
    let rows = statement(for: filter)
    rows.bind(client, cursor, filter.lowest)
    defer { rows.reset() }
    var page = JobPage()
    var (looked, bytes) = (0, 0)
    while try rows.step() {
      // Only now it is known that there is a next page.
      if page.jobs.count == limit || looked == Self.mostRows || bytes > Self.mostBytes { return page }
      looked += 1
      page.next = try rows.id(0)
      if let job = try job(rows, filter) {
        page.jobs.append(job)
        bytes += job.plan.bytes.count
      }
    }
    page.next = nil
    return page
  }

  /// Looks through the ids alone first: they are in the index, side by side.
  private func listMatching(
    _ match: IDMatch, _ client: Int64, _ filter: JobFilter, before cursor: JobID, _ limit: Int
  ) throws(StoreError) -> JobPage {
    let rows = statements.ids
    rows.bind(client, cursor, filter.lowest)
    defer { rows.reset() }
    var page = JobPage()
    var (looked, bytes) = (0, 0)
    while try rows.step() {
      if page.jobs.count == limit || looked == Self.mostIDs || bytes > Self.mostBytes { return page }
      looked += 1
      let id = try rows.id(0)
      page.next = id
      guard match.matches(id) else { continue }
      if let job = try listed(client, id, filter) {
        page.jobs.append(job)
        bytes += job.plan.bytes.count
      }
    }
    page.next = nil
    return page
  }

  func statement(for filter: JobFilter) -> Statement {
    switch (filter.states, filter.isQueued) {
    case ([.running], false) where !filter.mayBeQueued: statements.launched
    case ([.running], _): statements.running
    case ([], true): statements.queued
    case ([.error], false): statements.error
    default: statements.all
    }
  }

  /// The job, when the filter lets it through.
  func listed(_ client: Int64, _ id: JobID, _ filter: JobFilter) throws(StoreError) -> JobPage.Job? {
    try statements.listed.first(client, id) { row throws(StoreError) in try job(row, filter) } ?? nil
  }

  func job(_ row: Statement, _ filter: JobFilter) throws(StoreError) -> JobPage.Job? {
    let record = try JobRow.read(row)
    guard filter.matches(record) else { return nil }
    let plan = try row.plan(JobRow.count)
    return filter.matches(plan) ? JobPage.Job(record: record, plan: plan) : nil
  }
}
