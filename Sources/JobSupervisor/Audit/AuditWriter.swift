import Glibc
import JobModel
import Platform

/// Writes the audit trail on a thread of its own: the lines that wait in one piece, with one wait for the disk. Any
/// thread.
final class AuditWriter: Sendable {
  /// What became of a line. No error: it is written, and on disk if that was asked for.
  typealias Outcome = (number: UInt64, error: String?)

  enum Task: Sendable {
    case write(AuditEntry, number: UInt64?, isDurable: Bool)
    case reopen
  }

  private let queue = WorkQueue<Task>()
  private let state: AuditState
  private let thread: Mutex<pthread_t?>
  /// There is one order, and nobody's turn.
  private static let nobody: Int64 = 0

  /// `target` nil: it cannot be opened now, and is tried again. `onCompleted` and `onFailure` are called on the writer's
  /// thread, the latter each time that something could not be written.
  init(
    _ target: sending (any AuditTarget)?, log: Log,
    open: @escaping @Sendable () throws -> any AuditTarget,
    onCompleted: @escaping @Sendable ([Outcome]) -> Void, onFailure: @escaping @Sendable () -> Void
  ) throws(SystemError) {
    let state = AuditState(log, onFailure)
    self.state = state
    let loop = AuditLoop(target, open, state, onCompleted)
    let queue = queue
    thread = Mutex(try SystemThread.start("audit") { loop.run(queue) })
  }

  /// Why it cannot be written now; nil: it can.
  var failure: String? { state.failure }

  /// Lines are written in the order of these calls, whose `number` comes back with what became of each.
  func write(_ entry: AuditEntry, number: UInt64? = nil, isDurable: Bool = false) {
    queue.put(.write(entry, number: number, isDurable: isDurable), of: Self.nobody)
  }

  /// What is at its path now is written from here on.
  func reopen() { queue.put(.reopen, of: Self.nobody) }

  /// Returns when all that was given is written, or cannot be.
  func close() {
    queue.close()
    if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
  }
}

/// Whether the audit trail can be written, for the log and for who asks. Any thread.
final class AuditState: Sendable {
  private let text = Mutex<String?>(nil)
  private let log: Log
  private let onFailure: @Sendable () -> Void

  init(_ log: Log, _ onFailure: @escaping @Sendable () -> Void) {
    (self.log, self.onFailure) = (log, onFailure)
  }

  var failure: String? { text.withLock { $0 } }

  func fail(_ error: String) {
    onFailure()
    if text.withLock({ before in
      defer { before = error }
      return before == nil
    }) {
      log.error("audit_failing", ["error": error])
    }
  }

  func recover() {
    if text.withLock({ $0.take() }) != nil { log.info("audit_recovered") }
  }
}
