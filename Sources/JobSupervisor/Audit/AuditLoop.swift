import JobModel
import Platform

/// The thread that writes the audit trail. What cannot be written is kept, and tried again each second; past a bound it is
/// given up, and a line says so.
final class AuditLoop: @unchecked Sendable {
  // Made by one thread and handed to the writer's, which alone runs it.
  private var target: (any AuditTarget)?
  private let open: @Sendable () throws -> any AuditTarget
  private let state: AuditState
  private let onCompleted: @Sendable ([AuditWriter.Outcome]) -> Void
  /// Lines that could not be written, the first of which may be in the file in part, and how many more there were.
  private var kept: [AuditLine] = []
  private var lost = 0
  /// Something else is at its path, or nothing could be opened.
  private var isStale: Bool
  /// The last line could not be written.
  private var isBlocked = false
  /// When what failed is tried again, on the monotonic clock; 0: nothing did.
  private var retry: Int64 = 0

  /// Lines taken together.
  private static let most = 1000
  /// Bytes of lines that are kept.
  static let mostKept = 1 << 20
  /// Milliseconds between two attempts.
  private static let pause = 1000

  init(
    _ target: (any AuditTarget)?, _ open: @escaping @Sendable () throws -> any AuditTarget,
    _ state: AuditState, _ onCompleted: @escaping @Sendable ([AuditWriter.Outcome]) -> Void
  ) {
    (self.target, self.open, self.state, self.onCompleted) = (target, open, state, onCompleted)
    isStale = target == nil
  }

  func run(_ queue: WorkQueue<AuditWriter.Task>) {
    handle([])
    while let tasks = queue.take(Self.most, idle: state.failure == nil ? nil : Self.pause) { handle(tasks) }
    retry = 0
    handle([])
  }

  private func handle(_ tasks: [AuditWriter.Task]) {
    var lines: [AuditLine] = []
    for task in tasks {
      switch task {
      case .write(let entry, let number, let isDurable):
        lines.append(AuditLine(entry, number: number, isDurable: isDurable))
      case .reopen:
        isStale = target?.isReplaced ?? true
        retry = 0
      }
    }
    let now = Clock.monotonic()
    let isDue = retry <= now
    guard let failure = isDue ? tryAll(lines) : tryLines(lines) else {
      guard isDue else { return }
      retry = 0
      return state.recover()
    }
    guard isDue else { return }
    retry = now + Int64(Self.pause) * 1000
    state.fail(failure)
  }

  /// Also what failed before. The first failure.
  private func tryAll(_ lines: [AuditLine]) -> String? {
    var failures: [String] = []
    if isStale {
      do {
        target = try open()
        isStale = false
      } catch {
        failures.append("\(error)")
      }
    }
    isBlocked = false
    if let failure = tryLines(lines, failures.first) { failures.append(failure) }
    do throws(SystemError) { try target?.keepRoom() } catch { failures.append("\(error)") }
    return failures.first
  }

  /// Unless those before them could not be written a moment ago. What went wrong.
  private func tryLines(_ lines: [AuditLine], _ reason: String? = nil) -> String? {
    if let target, !isBlocked { return write(lines, to: target) }
    let failure = reason ?? state.failure
    tell(lines, failure)
    if lost == 0 { kept += lines } else { lost += lines.count }
    boundKept()
    return failure
  }

  private func write(_ lines: [AuditLine], to target: any AuditTarget) -> String? {
    if lost > 0 { keepGap() }
    let all = kept + lines
    guard !all.isEmpty else { return nil }
    let (count, error) = target.write(all)
    let new = lines.prefix(max(0, count - kept.count))
    tell(new.filter { !$0.isDurable }, nil)
    tell(lines.dropFirst(new.count), error?.description)
    let notSynced = sync(all.prefix(count), target)
    tell(new.filter(\.isDurable), notSynced?.error.description)
    kept = notSynced?.isTakenBack == true ? all : Array(all.dropFirst(count))
    boundKept()
    isBlocked = !kept.isEmpty
    return (error ?? notSynced?.error)?.description
  }

  /// One line for all that were given up after the same; the first stays as it is.
  private func keepGap() {
    if kept.count > 1, let before = kept.last?.entry.lost {
      lost += before
      kept.removeLast()
    }
    var gap = AuditEntry(.gap)
    gap.lost = lost
    kept.append(AuditLine(gap))
    lost = 0
  }

  private func sync(_ lines: ArraySlice<AuditLine>, _ target: any AuditTarget) -> AuditNotSynced? {
    guard lines.contains(where: \.isDurable) else { return nil }
    do throws(AuditNotSynced) {
      try target.sync()
      return nil
    } catch {
      return error
    }
  }

  private func tell(_ lines: some Sequence<AuditLine>, _ error: String?) {
    let outcomes = lines.compactMap { line in line.number.map { (number: $0, error: error) } }
    if !outcomes.isEmpty { onCompleted(outcomes) }
  }

  /// The first stays: it may be in the file in part.
  private func boundKept() {
    var (count, bytes) = (0, 0)
    for line in kept {
      bytes += line.bytes.count
      guard count == 0 || bytes <= Self.mostKept else { break }
      count += 1
    }
    lost += kept[count...].reduce(0) { $0 + ($1.entry.lost ?? 1) }
    kept.removeSubrange(count...)
  }
}
