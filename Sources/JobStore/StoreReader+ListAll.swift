import JobAPI
import JobModel

extension StoreReader {
  /// Jobs looked at in one call, or ids where those are all that is looked at: each costs a search.
  private static let mostJobs = 5000
  private static let mostIDs = 20_000

  /// As ``list(client:_:before:limit:)``, of all clients: the newest of each is looked for, and the newest of those
  /// taken, again and again.
  package func listAll(_ filter: JobFilter, before cursor: JobID?, limit: Int) throws(StoreError) -> JobPage {
    let start = cursor ?? JobID(high: .max, low: .max)
    let match = filter.match.flatMap { IDMatch($0) }
    guard match != nil || filter.match == nil else { return JobPage() }
    let rows = match == nil ? statement(for: filter) : statements.ids
    var newest = NewestFirst()
    for client in try clientNumbers() {
      if let id = try next(rows, client, before: start, filter) { newest.insert((id, client)) }
    }
    let most = match == nil ? Self.mostJobs : Self.mostIDs
    var page = JobPage()
    var (looked, bytes) = (0, 0)
    while let (id, client) = newest.popFirst() {
      if page.jobs.count == limit || looked == most || bytes > Self.mostBytes { return page }
      looked += 1
      page.next = id
      if let older = try next(rows, client, before: id, filter) { newest.insert((older, client)) }
      if let match, !match.matches(id) { continue }
      if let job = try listed(client, id, filter) {
        page.jobs.append(job)
        bytes += job.plan.bytes.count
      }
    }
    page.next = nil
    return page
  }

  private func clientNumbers() throws(StoreError) -> [Int64] {
    var numbers: [Int64] = []
    while try statements.clients.step() { numbers.append(statements.clients.integer(0)) }
    return numbers
  }

  /// The client's newest job before that one, by a statement for lists.
  private func next(
    _ rows: Statement, _ client: Int64, before id: JobID, _ filter: JobFilter
  ) throws(StoreError) -> JobID? {
    rows.bind(client, id, filter.lowest)
    defer { rows.reset() }
    return try rows.step() ? try rows.id(0) : nil
  }
}

/// The next job of each client.
private struct NewestFirst {
  typealias Job = (id: JobID, client: Int64)
  /// Oldest first.
  private var jobs: [Job] = []

  mutating func insert(_ job: Job) {
    var (low, high) = (0, jobs.count)
    while low < high {
      let middle = (low + high) / 2
      if jobs[middle].id < job.id { low = middle + 1 } else { high = middle }
    }
    jobs.insert(job, at: low)
  }

  mutating func popFirst() -> Job? { jobs.popLast() }
}
