import JobAPI
import JobModel

/// The writer's statements, prepared once.
package struct WriterStatements {
  package let begin, commit, insertClient, countClient, started, finish, deletable, delete,
    insertEvents: Statement
  private let insertJob, findKey, insertKey, orphanKey, dropKey: Statement

  /// A key is kept this long after its request, longer while its job is.
  package static let keyAge: Int64 = 24 * 3_600_000_000

  package init(_ database: Database) throws(StoreError) {
    begin = try database.prepare("BEGIN IMMEDIATE")
    commit = try database.prepare("COMMIT")
    insertClient = try database.prepare("INSERT INTO clients(id, name) VALUES(?1, ?2)")
    countClient = try database.prepare(
      "UPDATE clients SET finished = finished + ?2, bytes = bytes + ?3, events = events + ?4 WHERE id = ?1")
    insertJob = try database.prepare(
      """
      INSERT INTO jobs(client, id, state, started, finished, exit_code, signal, error, stdout_kept, stdout_dropped,
        stderr_kept, stderr_dropped, flags, user_time, system_time, peak_memory, created, bytes, key, log, plan)
      VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, x'', ?20)
      """)
    started = try database.prepare("UPDATE jobs SET started = ?3 WHERE client = ?1 AND id = ?2 AND state = 0")
    finish = try database.prepare(
      """
      UPDATE jobs SET \(JobRow.assignments), bytes = bytes + ?17, log = ?18
      WHERE client = ?1 AND id = ?2 AND state = 0
      """)
    deletable = try database.prepare(
      "SELECT \(JobRow.columns), bytes, key, number FROM jobs WHERE client = ?1 AND id = ?2")
    delete = try database.prepare("DELETE FROM jobs WHERE number = ?1")
    insertEvents = try database.prepare(
      "INSERT INTO events(client, last, at, count, entries) VALUES(?1, ?2, ?3, ?4, ?5)")
    findKey = try database.prepare("SELECT job, digest FROM idempotency WHERE client = ?1 AND key = ?2")
    insertKey = try database.prepare(
      "INSERT INTO idempotency(client, key, job, digest, created) VALUES(?1, ?2, ?3, ?4, ?5)")
    orphanKey = try database.prepare(
      "UPDATE idempotency SET orphan = 1 WHERE client = ?1 AND key = ?2 AND created >= ?3")
    dropKey = try database.prepare("DELETE FROM idempotency WHERE client = ?1 AND key = ?2 AND created < ?3")
  }

  package func insert(_ record: JobRecord, _ plan: JobPlan, key: String?) throws(StoreError) {
    JobRow.bind(record, to: insertJob)
    insertJob.bind(17, record.created)
    insertJob.bind(18, Int64(plan.bytes.count))
    insertJob.bind(19, key)
    insertJob.bind(20, plan.bytes)
    try insertJob.run()
  }

  /// What a request that repeats an earlier one's key is answered; nil: the key is new.
  package func job(
    of idempotency: ApiRequest.Idempotency, client: Int64
  ) throws(StoreError) -> StoreOutcome? {
    findKey.bind(1, client)
    findKey.bind(2, idempotency.key)
    guard try findKey.step() else { return nil }
    defer { findKey.reset() }
    let digest = findKey.bytes(1)
    let isSame = digest == idempotency.digest || digest == idempotency.firstDigest
    return isSame ? .existing(try findKey.id(0)) : .keyReused
  }

  package func insert(_ idempotency: ApiRequest.Idempotency, for record: JobRecord) throws(StoreError) {
    insertKey.bind(1, record.client)
    insertKey.bind(2, idempotency.key)
    insertKey.bind(3, record.id)
    insertKey.bind(4, idempotency.digest)
    insertKey.bind(5, record.created)
    try insertKey.run()
  }

  /// The key's job is deleted: the key goes with it unless it is young.
  package func release(_ key: String, client: Int64, now: Int64) throws(StoreError) {
    for statement in [orphanKey, dropKey] {
      statement.bind(1, client)
      statement.bind(2, key)
      statement.bind(3, now - Self.keyAge)
      try statement.run()
    }
  }
}
