import JobAPI
import JobModel

/// The writer's statements, prepared once.
struct WriterStatements {
  let begin, commit, insertClient, countClient, started, deletable, delete,
    insertEvents, dequeue, waiting, cleaned: Statement
  private let insertJob, finish, requeue, insertInput, insertSecrets, dropInput, dropSecrets, countQueue,
    dropQueue,
    findKey, insertKey, orphanKey, dropKey: Statement

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
      INSERT INTO jobs(\(JobRow.columns), bytes, key, plan, queue, priority, log)
      VALUES(\(JobRow.parameters(and: 5)), x'')
      """)
    waiting = try database.prepare(
      """
      SELECT \(JobRow.columns), plan, queue, number, (SELECT bytes FROM inputs WHERE job = number),
        (SELECT bytes FROM secrets WHERE job = number)
      FROM jobs WHERE client = ?1 AND id = ?2 AND state = 3
      """)
    dequeue = try database.prepare("UPDATE jobs SET state = 0, bytes = bytes - ?2 WHERE number = ?1")
    requeue = try database.prepare(
      """
      UPDATE jobs SET state = 3, queue = ?3, priority = ?4, bytes = bytes + ?5
      WHERE client = ?1 AND id = ?2 AND state = 0
      """)
    insertInput = try database.prepare(
      "INSERT INTO inputs(job, bytes) SELECT number, ?3 FROM jobs WHERE client = ?1 AND id = ?2")
    insertSecrets = try database.prepare(
      "INSERT INTO secrets(job, bytes) SELECT number, ?3 FROM jobs WHERE client = ?1 AND id = ?2")
    dropInput = try database.prepare("DELETE FROM inputs WHERE job = ?1")
    dropSecrets = try database.prepare("DELETE FROM secrets WHERE job = ?1")
    countQueue = try database.prepare(
      """
      INSERT INTO queues(client, name, slots, waiting) VALUES(?1, ?2, ifnull(?3, 1), ?4)
      ON CONFLICT DO UPDATE SET slots = ifnull(?3, slots), waiting = waiting + ?4
      """)
    dropQueue = try database.prepare("DELETE FROM queues WHERE client = ?1 AND name = ?2 AND waiting <= 0")
    started = try database.prepare(
      "UPDATE jobs SET started = ?3, launched = ?4 WHERE client = ?1 AND id = ?2 AND state = 0")
    finish = try database.prepare(
      """
      UPDATE jobs SET \(JobRow.assignments), bytes = bytes + ?\(JobRow.count + 1), log = ?\(JobRow.count + 2)
      WHERE client = ?2 AND id = ?1 AND state = 0
      """)
    cleaned = try database.prepare(
      """
      UPDATE jobs SET cleanup = ?4, runner_error = ifnull(?3, runner_error)
      WHERE client = ?1 AND id = ?2 AND cleanup = 1
      """)
    deletable = try database.prepare(
      "SELECT \(JobRow.columns), bytes, key, number, queue FROM jobs WHERE client = ?1 AND id = ?2")
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

  func insert(_ record: JobRecord, _ creation: ApiRequest.Creation) throws(StoreError) {
    let (plan, waits) = (creation.plan, record.isQueued)
    let bytes = Int64(plan.bytes.count + (waits ? creation.extraBytes : 0))
    JobRow.bind(record, to: insertJob)
    insertJob.set(JobRow.count + 1, bytes)
    insertJob.set(JobRow.count + 2, creation.idempotency?.key)
    insertJob.set(JobRow.count + 3, plan.bytes)
    insertJob.set(JobRow.count + 4, waits ? plan.queue ?? "" : "")
    insertJob.set(JobRow.count + 5, Int64(waits ? plan.priority : 0))
    try insertJob.run()
    if waits { try insertExtras(of: record, creation) }
  }

  /// False: there is no such job that runs.
  func finish(_ record: JobRecord, bytes: Int64, log: [UInt8]) throws(StoreError) -> Bool {
    JobRow.bind(record, to: finish)
    finish.set(JobRow.count + 1, bytes)
    finish.set(JobRow.count + 2, log)
    return try finish.run() == 1
  }

  /// What a job that waits has beside its plan.
  private func insertExtras(of record: JobRecord, _ creation: ApiRequest.Creation) throws(StoreError) {
    if let input = creation.input { try insertInput.run(record.client, record.id, input) }
    if let secrets = creation.secrets { try insertSecrets.run(record.client, record.id, secrets) }
  }

  /// It waits no more. `number`: that of its row.
  func dropExtras(of number: Int64) throws(StoreError) {
    for statement in [dropInput, dropSecrets] { try statement.run(number) }
  }

  /// False: there is no such job that runs.
  func requeue(_ record: JobRecord, _ creation: ApiRequest.Creation) throws(StoreError) -> Bool {
    let plan = creation.plan
    let changed = try requeue.run(
      record.client, record.id, plan.queue ?? "", Int64(plan.priority), Int64(creation.extraBytes))
    guard changed == 1 else { return false }
    try insertExtras(of: record, creation)
    return true
  }

  /// `slots` nil: as they are.
  func count(_ queue: QueueKey, slots: Int64?, waiting: Int64) throws(StoreError) {
    try countQueue.run(queue.client, queue.name, slots, waiting)
    if waiting < 0 { try dropQueue.run(queue.client, queue.name) }
  }

  /// What a request that repeats an earlier one's key is answered; nil: the key is new.
  func job(
    of idempotency: ApiRequest.Idempotency, client: Int64
  ) throws(StoreError) -> StoreOutcome? {
    try findKey.first(client, idempotency.key) { row throws(StoreError) in
      let digest = row.bytes(1)
      let isSame = digest == idempotency.digest || idempotency.earlier.contains(digest)
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
