import JobAPI
import JobModel

/// The api process's half of the store: reads what is committed, with no right to write. One thread at a time; no
/// call leaves a transaction open, which would keep the write-ahead log from being emptied.
package final class StoreReader {
  let database: Database
  let statements: ReaderStatements

  /// Of the file, mapped on demand: it is shared by all readers and the page cache.
  private static let mapped = 1 << 30

  /// `path`: the state directory.
  package init(path: String) throws(StoreError) {
    database = try Database.openReadOnly(Store.database(in: path), mapped: Self.mapped)
    statements = try ReaderStatements(database)
  }

  package func job(client: Int64, id: JobID) throws(StoreError) -> JobRecord? {
    try statements.job.first(client, id, read: JobRow.read)
  }

  /// The job with what it was to run.
  package func whole(client: Int64, id: JobID) throws(StoreError) -> JobPage.Job? {
    try statements.listed.first(client, id) { row throws(StoreError) in
      JobPage.Job(record: try JobRow.read(row), plan: try row.plan(JobRow.count))
    }
  }

  /// How many of the client's jobs that wait go before the one in this place, counted up to `most`.
  package func ahead(client: Int64, of place: QueuePlace, most: Int) throws(StoreError) -> Int {
    try statements.ahead.first(client, Int64(place.priority), place.id, Int64(most)) { Int($0.integer(0)) }
      ?? 0
  }

  /// The index of the output of the combined log; empty when there is none or it is in a file.
  package func log(client: Int64, id: JobID) throws(StoreError) -> [UInt8]? {
    try statements.log.first(client, id) { $0.bytes(0) }
  }

  /// Whose the job is; nil: there is no such job. Looks for it with each client.
  package func owner(of id: JobID) throws(StoreError) -> Int64? {
    try statements.owner.first(id) { $0.integer(0) }
  }

  package func clientName(_ number: Int64) throws(StoreError) -> String? {
    try statements.clientName.first(number) { $0.text(0) } ?? nil
  }

  /// Nil: the client has created nothing.
  package func clientNumber(_ name: String) throws(StoreError) -> Int64? {
    try statements.client.first(name) { $0.integer(0) }
  }
}

/// The reader's statements, prepared once.
struct ReaderStatements {
  let job, log, client, clientName, clients, owner, events, newest, allNewest, trimmed: Statement
  let all, running, launched, queued, error, ids, listed, ahead: Statement

  init(_ database: Database) throws(StoreError) {
    job = try database.prepare("SELECT \(JobRow.columns) FROM jobs WHERE client = ?1 AND id = ?2")
    log = try database.prepare("SELECT log FROM jobs WHERE client = ?1 AND id = ?2")
    client = try database.prepare("SELECT id FROM clients WHERE name = ?1")
    clientName = try database.prepare("SELECT name FROM clients WHERE id = ?1")
    clients = try database.prepare("SELECT id FROM clients")
    owner = try database.prepare(
      """
      SELECT client FROM clients CROSS JOIN jobs INDEXED BY jobs_id
      WHERE jobs.client = clients.id AND jobs.id = ?1
      """)
    events = try database.prepare("SELECT entries FROM events WHERE client = ?1 AND last > ?2 ORDER BY last")
    newest = try database.prepare("SELECT max(last) FROM events WHERE client = ?1")
    allNewest = try database.prepare(
      """
      SELECT id, max(trimmed, coalesce((SELECT max(last) FROM events WHERE client = clients.id), 0)) FROM clients
      """)
    trimmed = try database.prepare("SELECT trimmed FROM clients WHERE id = ?1")
    let range = "WHERE client = ?1 AND id < ?2 AND id >= ?3"
    let list = "SELECT \(JobRow.columns), plan FROM jobs"
    all = try database.prepare("\(list) INDEXED BY jobs_id \(range) ORDER BY id DESC")
    let waiting = "\(list) INDEXED BY jobs_queued \(range) AND state = 3"
    let launched = "\(list) INDEXED BY jobs_running \(range) AND state = 0"
    running = try database.prepare("\(launched) UNION ALL \(waiting) ORDER BY id DESC")
    self.launched = try database.prepare("\(launched) ORDER BY id DESC")
    queued = try database.prepare("\(waiting) ORDER BY id DESC")
    error = try database.prepare("\(list) INDEXED BY jobs_error \(range) AND state = 2 ORDER BY id DESC")
    listed = try database.prepare("\(list) WHERE client = ?1 AND id = ?2")
    let before = "SELECT 1 FROM jobs INDEXED BY jobs_ahead WHERE state = 3 AND client = ?1 AND priority"
    ahead = try database.prepare(
      """
      SELECT count(*) FROM (
        \(before) > ?2 UNION ALL \(before) = ?2 AND id < ?3 LIMIT ?4)
      """)
    ids = try database.prepare("SELECT id FROM jobs INDEXED BY jobs_id \(range) ORDER BY id DESC")
  }
}
