import JobAPI
import JobModel

/// The writer's statements, prepared once.
struct WriterStatements {
  let begin, commit, insertClient, countClient, started, finish, deletable, delete,
    insertEvents: Statement
  private let insertJob, findKey, insertKey, orphanKey, dropKey: Statement

  /// A key is kept this long after its request, longer while its job is.
  static let keyAge: Int64 = 24 * 3_600_000_000

  init(_ database: Database) throws(StoreError) {
    begin = try database.prepare("BEGIN IMMEDIATE")
    commit = try database.prepare("COMMIT")
    insertClient = try database.prepare("INSERT INTO clients(id, name) VALUES(?1, ?2)")
    countClient = try database.prepare(
      "UPDATE clients SET finished = finished + ?2, bytes = bytes + ?3, events = events + ?4 WHERE id = ?1")
    insertJob = try database.prepare(
      """
      INSERT INTO jobs(\(JobRow.columns), bytes, key, plan, log)
      VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, x'')
      """)
    started = try database.prepare("UPDATE jobs SET started = ?3 WHERE client = ?1 AND id = ?2 AND state = 0")
    finish = try database.prepare(
      """
      UPDATE jobs SET \(JobRow.assignments), bytes = bytes + ?18, log = ?19
      WHERE client = ?2 AND id = ?1 AND state = 0
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

  func insert(_ record: JobRecord, _ plan: JobPlan, key: String?) throws(StoreError) {
    try insertJob.run(JobRow.values(record) + [Int64(plan.bytes.count), key, plan.bytes])
  }

  /// What a request that repeats an earlier one's key is answered; nil: the key is new.
  func job(
    of idempotency: ApiRequest.Idempotency, client: Int64
  ) throws(StoreError) -> StoreOutcome? {
    try findKey.first(client, idempotency.key) { row throws(StoreError) in
      let digest = row.bytes(1)
      let isSame = digest == idempotency.digest || digest == idempotency.firstDigest
      return isSame ? .existing(try row.id(0)) : .keyReused
    }
  }

  func insert(_ idempotency: ApiRequest.Idempotency, for record: JobRecord) throws(StoreError) {
    try insertKey.run(record.client, idempotency.key, record.id, idempotency.digest, record.created)
  }

  /// The key's job is deleted: the key goes with it unless it is young.
  func release(_ key: String, client: Int64, now: Int64) throws(StoreError) {
    for statement in [orphanKey, dropKey] { try statement.run(client, key, now - Self.keyAge) }
  }
}
