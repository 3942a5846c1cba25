import Glibc
import JobAPI
import JobLoop
import JobModel
import Platform

/// Has the keeper hold what a successor of this process needs to go on with a job. Only jobs that have run for nearly a
/// second are worth that: the very many short ones cost nothing here. Supervisor's thread only.
final class HeldJobs {
  private let keeper: Keeper
  private let counts: SupervisorCounts
  private let log: Log
  private var timer: LoopTimer!
  /// Jobs that run and are too young.
  private var young: [LiveJob] = []

  /// Microseconds: with the pause, and some lateness, less than a second.
  private static let age: Int64 = 600_000
  /// Milliseconds between two looks at them.
  private static let pause: UInt64 = 100

  init(_ loop: EventLoop, _ keeper: Keeper, _ counts: SupervisorCounts, log: Log) throws(SystemError) {
    (self.keeper, self.counts, self.log) = (keeper, counts, log)
    timer = try LoopTimer(loop) { [unowned self] in self.look() }
  }

  static func name(of id: JobID) -> String { "\(id)" }
  /// Of the write end of its standard input, which has to be let go as soon as the input ends.
  static func inputName(of id: JobID) -> String { "\(id)\(inputSuffix)" }
  static let inputSuffix = ".stdin"

  /// Holds it when it is old enough.
  func add(_ job: LiveJob) {
    guard !job.isHeld else { return }
    if young.isEmpty { timer.start(milliseconds: Self.pause) }
    young.append(job)
  }

  private func look() {
    let now = Clock.monotonic()
    // Of those that were refused before, one is tried again at each look.
    var mayTryAgain = true
    young.removeAll { job in
      guard !job.hasEnded, !job.isHeld else { return true }
      guard now - job.startSeen >= Self.age, !job.holdsOutput, !job.isHoldRefused || mayTryAgain else {
        return false
      }
      do {
        _ = try hold(job)
        return true
      } catch {
        mayTryAgain = false
        refused(job, "\(error)")
        return false
      }
    }
    if !young.isEmpty { timer.start(milliseconds: Self.pause) }
  }

  private func refused(_ job: LiveJob, _ error: String) {
    guard !job.isHoldRefused else { return }
    job.isHoldRefused = true
    counts.add(.holdFailures)
    log.warn("job_not_held", job.fields + ["error": error])
  }

  /// False: it is about to end.
  func hold(_ job: LiveJob) throws(SystemError) -> Bool {
    guard let running = job.running, let entry = try running.makeEntry() else { return false }
    defer { close(entry) }
    let input = running.input
    do {
      // The input first: where the entry is found, it is too.
      if input >= 0 { try keeper.hold(input, as: Self.inputName(of: job.id)) }
      try keeper.hold(entry, as: Self.name(of: job.id), pid: running.pid)
    } catch {
      // One of them may be held, or be held late: the end of the input would not reach the job.
      keeper.release(Self.inputName(of: job.id))
      keeper.release(Self.name(of: job.id))
      throw error
    }
    job.held(input: input >= 0)
    return true
  }

  /// Its input may have been closed: then the job is to see that.
  func inputMoved(of job: LiveJob) {
    guard job.isInputHeld, job.running?.input ?? -1 < 0 else { return }
    job.isInputHeld = false
    keeper.release(Self.inputName(of: job.id))
  }

  /// Its result, or its deletion, is on disk.
  func jobEnded(_ job: LiveJob) {
    guard job.isHeld else { return }
    if job.isInputHeld { keeper.release(Self.inputName(of: job.id)) }
    keeper.release(Self.name(of: job.id))
  }
}
