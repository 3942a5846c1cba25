import Glibc
import JobModel
import Platform

/// The supervisor's half of the store, and the only writer of it. Changes are queued from any thread, applied by
/// the writer's thread, many that wait in one transaction and the clients in turn, and told when they are on disk.
package final class Store: Sendable {
  package typealias Outcome = (token: UInt64, client: Int64, outcome: StoreOutcome)
  package typealias Completion = @Sendable ([Outcome]) -> Void

  private let path: String
  /// Whether the last daemon closed the store; else it was killed, or the machine went down.
  package static func wasClosed(in path: String) -> Bool {
    var log = stat()
    return stat(database(in: path) + "-wal", &log) != 0 || log.st_size == 0
  }

  private let stored: StoredClients
  private let queue: WorkQueue<WriterTask>
  private let syncer: FileSyncer
  private let thread: Mutex<pthread_t?>

  /// Opens the database in the state directory `path`, which the caller has locked, and makes it where there is none.
  /// The files can be read by `group`. `willMigrate` is called before the tables are brought to a version that an earlier
  /// daemon cannot read, `onCompleted` on the writer's thread.
  package init(
    path: String, group: gid_t?, willMigrate: () -> Void = {}, onCompleted: @escaping Completion
  ) throws(StoreError) {
    self.path = path
    let database = try Database.open(Self.database(in: path), group: group, willMigrate: willMigrate)
    let (clients, loop) = try Database.advising(on: database.path) { () throws(StoreError) in
      let clients = try StoredClients(database)
      return (clients, try WriterLoop(try StoreWriter(database, clients: clients), onCompleted))
    }
    stored = clients
    let queue = WorkQueue<WriterTask>()
    self.queue = queue
    do {
      syncer = try FileSyncer(output: "\(path)/output") { request, failure in
        let client = request.change.client
        let task = failure.map { WriterTask.failed((request.token, client, $0)) } ?? .change(request)
        queue.put(task, of: client)
      }
      thread = Mutex(try SystemThread.start("store") { loop.run(queue) })
    } catch {
      throw StoreError(error)
    }
  }

  /// Whose turn the daemon's own work takes: no client has this number.
  private static let nobody: Int64 = 0

  package static func database(in path: String) -> String { "\(path)/jobd.db" }

  /// Queues a change; its outcome comes with `token`. Changes of one job are applied in the order of queueing.
  package func enqueue(_ change: StoreChange, token: UInt64) {
    let request = (token: token, change: change)
    if syncer.take(request) { return }
    queue.put(.change(request), of: change.client, within: change.patience)
  }

  /// Somebody waits for what is queued.
  package func hurry() { queue.hurry() }

  /// The number of a client; a new name gets one, which is on disk with its first job.
  package func clientNumber(for name: String) -> Int64 { stored.number(for: name) }

  /// All clients that have a number.
  package func clients() -> [(id: Int64, name: String)] { stored.all }

  /// What is stored of a client's.
  package func totals(of client: Int64) -> ClientTotals { stored.totals(of: client) }

  /// Jobs in state running: at start-up those of an earlier daemon. `plan` nil: it cannot be read.
  package func runningJobs() throws(StoreError) -> [(record: JobRecord, plan: JobPlan?)] {
    try Self.runningJobs(in: path)
  }

  /// The same of a state directory that nobody uses.
  package static func runningJobs(
    in directory: String
  ) throws(StoreError) -> [(record: JobRecord, plan: JobPlan?)] {
    try jobs(in: directory, "jobs_running WHERE state = 0")
  }

  /// Jobs that are over and whose runner may have left something behind, which is to be cleaned up. `plan` nil: it
  /// cannot be read.
  package func uncleaned() throws(StoreError) -> [(record: JobRecord, plan: JobPlan?)] {
    try Self.jobs(in: path, "jobs_cleanup WHERE cleanup = 1")
  }

  /// Those in an index that has some jobs only.
  private static func jobs(
    in directory: String, _ index: String
  ) throws(StoreError) -> [(record: JobRecord, plan: JobPlan?)] {
    let path = database(in: directory)
    return try Database.advising(on: path) { () throws(StoreError) in
      let rows = try Database.openReadOnly(path).prepare(
        "SELECT \(JobRow.columns), plan FROM jobs INDEXED BY \(index)")
      var jobs: [(JobRecord, JobPlan?)] = []
      while try rows.step() { jobs.append((try JobRow.read(rows), try? rows.plan(JobRow.count))) }
      return jobs
    }
  }

  /// The queues in which jobs wait.
  package func queues() throws(StoreError) -> [StoredQueue] {
    let path = Self.database(in: path)
    return try Database.advising(on: path) { () throws(StoreError) in
      try WaitingRows(try Database.openReadOnly(path)).all
    }
  }

  /// The first `most` jobs of a queue, as they are once all that was queued before is applied. Told on the writer's
  /// thread, in order with the outcomes of changes.
  package func loadQueue(
    _ key: QueueKey, most: Int, then: @escaping @Sendable (Result<[QueuePlace], StoreError>) -> Void
  ) {
    queue.put(.load(key, most: most, then), of: key.client)
  }

  /// Drops old events and keys, and finds finished jobs that are to go. The caller removes their output, queues
  /// their deletion, and asks again when that is done and there may be more. Told on the writer's thread.
  package func maintain(
    _ retention: Retention, then: @escaping @Sendable (Result<Expired, StoreError>) -> Void
  ) {
    queue.put(.maintain(retention, then), of: Self.nobody)
  }

  /// Returns when all that is queued is on disk and told. Nothing may be queued afterwards.
  package func close() {
    syncer.close()
    queue.close()
    if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
  }
}

extension StoreChange {
  /// Milliseconds that it may wait for another change to go with: with the end of its job, mostly.
  fileprivate var patience: Int {
    switch self {
    case .started: 1000
    // One that has a runner is launched when this is on disk.
    case .create(_, _, let creation)
    where creation.run?.isAnsweredAtEnd == true && creation.plan.runner == nil: 5
    default: 0
    }
  }
}
