import JobAPI
import JobModel

/// The api process's half of the store: reads what is committed, with no right to write. One thread at a time; no
/// call leaves a transaction open, which would keep the write-ahead log from being emptied.
package final class StoreReader {
  package let database: Database
  package let statements: ReaderStatements

  /// Of the file, mapped on demand: it is shared by all readers and the page cache.
  private static let mapped = 1 << 30

  /// `path`: the state directory.
  package init(path: String) throws(StoreError) {
    database = try Database.openReadOnly(Store.database(in: path), mapped: Self.mapped)
    statements = try ReaderStatements(database)
  }

  package func job(client: Int64, id: JobID) throws(StoreError) -> JobRecord? {
    try row(of: id, client, from: statements.job) { row throws(StoreError) in try JobRow.read(row) }
  }

  package func plan(client: Int64, id: JobID) throws(StoreError) -> JobPlan? {
    try row(of: id, client, from: statements.plan) { row throws(StoreError) in try row.plan(0) }
  }

  /// The index of the output of the combined log; empty when there is none or it is in a file.
  package func log(client: Int64, id: JobID) throws(StoreError) -> [UInt8]? {
    try row(of: id, client, from: statements.log) { row in row.bytes(0) }
  }

  /// Nil: the client has created nothing.
  package func clientNumber(_ name: String) throws(StoreError) -> Int64? {
    let row = statements.client
    row.bind(1, name)
    defer { row.reset() }
    return try row.step() ? row.integer(0) : nil
  }

  private func row<Value>(
    of id: JobID, _ client: Int64, from statement: Statement, _ read: (Statement) throws(StoreError) -> Value
  ) throws(StoreError) -> Value? {
    statement.bind(1, client)
    statement.bind(2, id)
    defer { statement.reset() }
    return try statement.step() ? try read(statement) : nil
  }
}

/// The reader's statements, prepared once.
package struct ReaderStatements {
  package let job, plan, log, client, events, newest, trimmed: Statement
  package let all, running, error, ids, listed: Statement

  package init(_ database: Database) throws(StoreError) {
    job = try database.prepare("SELECT \(JobRow.columns) FROM jobs WHERE client = ?1 AND id = ?2")
    plan = try database.prepare("SELECT plan FROM jobs WHERE client = ?1 AND id = ?2")
    log = try database.prepare("SELECT log FROM jobs WHERE client = ?1 AND id = ?2")
    client = try database.prepare("SELECT id FROM clients WHERE name = ?1")
    events = try database.prepare("SELECT entries FROM events WHERE client = ?1 AND last > ?2 ORDER BY last")
    newest = try database.prepare("SELECT max(last) FROM events WHERE client = ?1")
    trimmed = try database.prepare("SELECT trimmed FROM clients WHERE id = ?1")
    let range = "WHERE client = ?1 AND id < ?2 AND id >= ?3"
    let list = "SELECT \(JobRow.columns), plan FROM jobs"
    all = try database.prepare("\(list) INDEXED BY jobs_id \(range) ORDER BY id DESC")
    running = try database.prepare("\(list) INDEXED BY jobs_running \(range) AND state = 0 ORDER BY id DESC")
    error = try database.prepare("\(list) INDEXED BY jobs_error \(range) AND state = 2 ORDER BY id DESC")
    listed = try database.prepare("\(list) WHERE client = ?1 AND id = ?2")
    ids = try database.prepare("SELECT id FROM jobs INDEXED BY jobs_id \(range) ORDER BY id DESC")
  }
}
