import JobAPI
import JobModel
import Platform

/// Applies changes to the database, as many as there are in one transaction. The writer's thread only.
final class StoreWriter {
  let database: Database
  private let statements: WriterStatements
  let clients: StoredClients
  private let reserve: DiskReserve
  /// The number of each client's newest event on disk: a client's own, so that they tell nothing of others.
  private var lastEvents: [Int64: Int64] = [:]

  typealias Request = (token: UInt64, change: StoreChange)
  typealias Outcome = Store.Outcome

  init(_ database: Database, clients: StoredClients) throws(StoreError) {
    self.database = database
    self.clients = clients
    statements = try WriterStatements(database)
    reserve = DiskReserve(beside: database.path)
    let newest = try database.prepare("SELECT max(last) FROM events WHERE client = ?1")
    let trimmed = try database.prepare("SELECT id, trimmed FROM clients")
    while try trimmed.step() {
      let (client, dropped) = (trimmed.integer(0), trimmed.integer(1))
      lastEvents[client] = max(dropped, try newest.first(client) { $0.integer(0) } ?? 0)
    }
  }

  /// All in one transaction; when that fails, the halves each in their own, so that the others are not harmed by
  /// one that cannot be written.
  func apply(_ requests: ArraySlice<Request>) -> [Outcome] {
    do {
      return try applyTogether(requests)
    } catch {
      guard requests.count > 1 else { return [applyWithReserve(requests.first!, error)] }
      let middle = requests.startIndex + requests.count / 2
      return apply(requests[..<middle]) + apply(requests[middle...])
    }
  }

  /// What makes room, or ends a job, is given the room that is kept for it. The log is taken over into the database, which
  /// may have to grow for that, and is then written anew from its beginning.
  private func applyWithReserve(_ request: Request, _ error: StoreError) -> Outcome {
    guard error.kind == .full, !request.change.isCreation else {
      return (request.token, request.change.client, .failed(error))
    }
    _ = reserve.give()
    do throws(StoreError) {
      _ = try database.checkpoint(.passive)
      return try applyTogether([request])[0]
    } catch {
      return (request.token, request.change.client, .failed(error))
    }
  }

  private func applyTogether(_ requests: ArraySlice<Request>) throws(StoreError) -> [Outcome] {
    var draft = Draft()
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(requests.count)
    do throws(StoreError) {
      if requests.contains(where: { $0.change.isCreation }), !reserve.restore() {
        throw StoreError(.full, "the disk is full: what is left of it is kept for deletions")
      }
      try makeLogWhole()
      try database.commitsDurably(try areDurable(requests))
      try statements.begin.run()
      for request in requests {
        outcomes.append((request.token, request.change.client, try apply(request.change, &draft)))
      }
      try write(draft)
      try statements.commit.run()
    } catch {
      database.rollback()
      throw error
    }
    for (client, events) in draft.events { lastEvents[client, default: 0] += Int64(events.count) }
    clients.commit(draft.totals, inserted: draft.newClients)
    return outcomes
  }

  /// Whether one of them is told only once it would survive a power cut.
  private func areDurable(_ requests: ArraySlice<Request>) throws(StoreError) -> Bool {
    if requests.contains(where: { $0.change.isDurable }) { return true }
    for case (_, .delete(let client, let id)) in requests where try mayHaveFiles(client, id) { return true }
    return false
  }

  private func mayHaveFiles(_ client: Int64, _ id: JobID) throws(StoreError) -> Bool {
    try statements.deletable.first(client, id, read: JobRow.read)?.mayHaveFiles ?? false
  }

  /// After a failed fdatasync the kernel forgets what it could not write: of commits that did not wait for the disk
  /// something may be missing there, and what is appended to it would be lost with it. So the database takes over all
  /// that the log holds, and the log begins anew, before anything more is told as durable.
  func makeLogWhole() throws(StoreError) {
    guard database.logMayHaveHole else { return }
    guard try database.checkpoint(.truncate) else {
      throw StoreError(
        .inputOutput, "database: the log could not be written, and readers keep it from being begun anew")
    }
    database.logMayHaveHole = false
  }

  /// What a transaction changes beside the rows of jobs: written at its end, in memory once it is on disk.
  private struct Draft {
    var events: [Int64: [StoredEvent]] = [:]
    var totals: [Int64: ClientTotals] = [:]
    var newClients: Set<Int64> = []
    /// How many jobs more wait, and how many may run at once from now on.
    var queues: [QueueKey: (waiting: Int64, slots: Int64?)] = [:]
    let now = Clock.microseconds()

    mutating func add(_ kind: StoredEvent.Kind, of record: JobRecord, at: Int64) {
      // Numbered when they are written.
      events[record.client, default: []].append(StoredEvent(number: 0, kind: kind, record: record, at: at))
      totals[record.client, default: ClientTotals()].events += 1
    }

    mutating func waits(_ queue: QueueKey, _ more: Int64, slots: Int64? = nil) {
      let before = queues[queue] ?? (0, nil)
      queues[queue] = (before.waiting + more, slots ?? before.slots)
    }

    mutating func count(_ client: Int64, finished: Int64, bytes: Int64) {
      totals[client, default: ClientTotals()] += ClientTotals(finished: finished, bytes: bytes)
    }
  }

  private func apply(_ change: StoreChange, _ draft: inout Draft) throws(StoreError) -> StoreOutcome {
    switch change {
    case .create(let record, let name, let creation):
      return try create(record, name, creation, &draft)
    case .dequeue(let client, let id):
      return try dequeue(client, id, &draft)
    case .requeue(let record, let creation, let slots):
      guard try statements.requeue(record, creation) else { return .notFound }
      draft.waits(QueueKey(client: record.client, creation.plan), 1, slots: Int64(slots))
      draft.count(record.client, finished: 0, bytes: Int64(creation.extraBytes))
      return .saved
    case .find(let record, let idempotency):
      return try statements.job(of: idempotency, client: record.client) ?? .notFound
    case .finish(let record, let log, _, let isStartStored):
      return try finish(record, log, isStartStored: isStartStored, &draft)
    case .started(let record):
      guard try statements.started.run(record.client, record.id, record.started, record.launched) == 1
      else { return .notFound }
      draft.add(.started, of: record, at: record.started)
      return .saved
    case .delete(let client, let id):
      return try delete(client, id, &draft)
    case .cleaned(let client, let id, let error, let isDone):
      let state = (isDone ? JobRecord.Cleanup.done : .pending).rawValue
      guard try statements.cleaned.run(client, id, error, Int64(state)) == 1 else { return .notFound }
      draft.count(client, finished: isDone ? 1 : 0, bytes: 0)
      return .saved
    }
  }

  private func create(
    _ record: JobRecord, _ name: String, _ creation: ApiRequest.Creation, _ draft: inout Draft
  ) throws(StoreError) -> StoreOutcome {
    let (plan, idempotency) = (creation.plan, creation.idempotency)
    if let idempotency, let earlier = try statements.job(of: idempotency, client: record.client) {
      return earlier
    }
    if !clients.isStored(record.client), draft.newClients.insert(record.client).inserted {
      try statements.insertClient.run(record.client, name)
    }
    var row = record
    row.stored = max(draft.now, record.created)
    try statements.insert(row, creation)
    if let idempotency { try statements.insert(idempotency, for: record) }
    draft.count(record.client, finished: record.mayExpire ? 1 : 0, bytes: Int64(plan.bytes.count))
    draft.add(.created, of: record, at: record.created)
    if record.isQueued {
      draft.waits(QueueKey(client: record.client, plan), 1, slots: Int64(plan.queueSlots))
      draft.count(record.client, finished: 0, bytes: Int64(creation.extraBytes))
      draft.add(.queued, of: record, at: record.created)
    }
    if record.state != .running { draft.add(.finished, of: record, at: record.finished) }
    return .saved
  }

  private func dequeue(_ client: Int64, _ id: JobID, _ draft: inout Draft) throws(StoreError) -> StoreOutcome
  {
    let row = statements.waiting
    row.bind(client, id)
    defer { row.reset() }
    guard try row.step() else { return .notFound }
    var record = try JobRow.read(row)
    record.isQueued = false
    let plan = try row.plan(JobRow.count)
    let queue = row.text(JobRow.count + 1) ?? ""
    let number = row.integer(JobRow.count + 2)
    func extra(_ column: Int32) -> [UInt8]? { row.isNull(column) ? nil : row.bytes(column) }
    let creation = ApiRequest.Creation(
      plan, input: extra(JobRow.count + 3), secrets: extra(JobRow.count + 4))
    let length = Int64(creation.extraBytes)
    try statements.dequeue.run(number, length)
    if creation.input != nil || creation.secrets != nil { try statements.dropExtras(of: number) }
    draft.waits(QueueKey(client: client, name: queue), -1)
    draft.count(client, finished: 0, bytes: -length)
    return .dequeued(record, creation)
  }

  private func finish(
    _ record: JobRecord, _ log: [UInt8], isStartStored: Bool, _ draft: inout Draft
  ) throws(StoreError) -> StoreOutcome {
    let output = Int64(clamping: record.stdout.kept.addingReportingOverflow(record.stderr.kept).partialValue)
    let bytes = output + Int64(log.count)
    var row = record
    row.saved = max(draft.now, record.finished)
    guard try statements.finish(row, bytes: bytes, log: log) else { return .notFound }
    draft.count(record.client, finished: record.mayExpire ? 1 : 0, bytes: bytes)
    if !isStartStored && record.started != 0 { draft.add(.started, of: record, at: record.started) }
    draft.add(.finished, of: record, at: record.finished)
    return .saved
  }

  private func delete(_ client: Int64, _ id: JobID, _ draft: inout Draft) throws(StoreError) -> StoreOutcome {
    let row = statements.deletable
    row.bind(client, id)
    guard try row.step() else { return .notFound }
    defer { row.reset() }
    let record = try JobRow.read(row)
    let bytes = row.integer(JobRow.count)
    let key = row.text(JobRow.count + 1)
    let number = row.integer(JobRow.count + 2)
    let queue = record.isQueued ? row.text(JobRow.count + 3) ?? "" : nil
    try statements.delete.run(number)
    if let queue {
      draft.waits(QueueKey(client: client, name: queue), -1)
      try statements.dropExtras(of: number)
    }
    let now = Clock.microseconds()
    if let key { try statements.release(key, client: client, now: now) }
    draft.count(client, finished: record.mayExpire ? -1 : 0, bytes: -bytes)
    draft.add(.deleted, of: record, at: now)
    return .deleted(hasFiles: record.mayHaveFiles && !record.isQueued, queue: queue)
  }

  private func write(_ draft: Draft) throws(StoreError) {
    for (client, events) in draft.events {
      var writer = ByteWriter(capacity: events.count * 48)
      var number = lastEvents[client] ?? 0
      for var event in events {
        number += 1
        event.number = number
        writer.put(event)
      }
      try statements.insertEvents.run(
        client, number, Clock.microseconds(), Int64(events.count), writer.bytes)
    }
    for (queue, change) in draft.queues {
      try statements.count(queue, slots: change.slots, waiting: change.waiting)
    }
    for (client, change) in draft.totals {
      try statements.countClient.run(client, change.finished, change.bytes, change.events)
    }
  }
}
