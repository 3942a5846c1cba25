import JobModel
import Platform

/// What the writer's thread is asked for.
enum WriterTask: Sendable {
  case change(StoreWriter.Request)
  /// A change whose files are not on disk.
  case failed(StoreWriter.Outcome)
  case load(QueueKey, most: Int, @Sendable (Result<[QueuePlace], StoreError>) -> Void)
  case maintain(Retention, @Sendable (Result<Expired, StoreError>) -> Void)
}

/// The writer's thread: takes what waits, applies it, tells, and keeps the write-ahead log short.
final class WriterLoop: @unchecked Sendable {
  // Made by one thread and handed to the writer's, which alone runs it.
  private let writer: StoreWriter
  private let retainer: Retainer
  private let waiting: WaitingRows
  private let log = WriteAheadLogSize()
  private let onCompleted: Store.Completion

  /// Changes of one transaction, which then takes some ten milliseconds: as long as a change waits for those of others.
  private static let most = 256
  /// Pages (of 4 KiB) in the log from which on they are copied into the database.
  private static let fullLog = 4000
  /// A log larger than this is cut when there is time: one that a slow reader let grow.
  private static let longLog = 16_000
  /// Milliseconds without work after which there is time.
  private static let idle = 2000

  init(_ writer: StoreWriter, _ onCompleted: @escaping Store.Completion) throws(StoreError) {
    self.writer = writer
    self.onCompleted = onCompleted
    retainer = try Retainer(writer)
    waiting = try WaitingRows(writer.database)
    writer.database.watchLog(log)
  }

  func run(_ queue: WorkQueue<WriterTask>) {
    while let tasks = queue.take(Self.most, idle: log.pages > 0 ? Self.idle : nil) {
      if tasks.isEmpty {
        checkpoint(log.pages > Self.longLog ? .truncate : .passive)
        log.pages = 0
        continue
      }
      handle(tasks)
      if log.pages > Self.fullLog { checkpoint(.passive) }
    }
    checkpoint(.truncate)
  }

  private func handle(_ tasks: [WriterTask]) {
    var requests: [StoreWriter.Request] = []
    var failures: [StoreWriter.Outcome] = []
    for task in tasks {
      switch task {
      case .change(let request): requests.append(request)
      case .failed(let outcome): failures.append(outcome)
      case .load, .maintain: break
      }
    }
    if !failures.isEmpty { onCompleted(failures) }
    if !requests.isEmpty { onCompleted(writer.apply(requests[...])) }
    for case .load(let queue, let most, let then) in tasks {
      then(Result { () throws(StoreError) in try waiting.first(most, of: queue) })
    }
    for case .maintain(let retention, let then) in tasks {
      then(Result { () throws(StoreError) in try retainer.maintain(retention) })
    }
  }

  private func checkpoint(_ kind: Database.Checkpoint) {
    // What fails here fails again, and is told, when the next change needs the room.
    _ = try? writer.database.checkpoint(kind)
  }
}
