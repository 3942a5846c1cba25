import Glibc
import JobAPI
import JobLoop
import JobModel
import Platform

/// Has the service manager hold what a successor of this process needs to go on with a job, should this one be killed.
/// Only jobs that have run for a while are worth that: the very many short ones cost nothing here.
/// Supervisor's thread only.
final class DescriptorStore {
  private let manager: ServiceManager
  private let log: Log
  private var timer: LoopTimer!
  /// Jobs that run and are too young.
  private var young: [LiveJob] = []

  /// Microseconds.
  private static let age: Int64 = 1_000_000
  /// Milliseconds between two looks at them.
  private static let pause: UInt64 = 500

  init(_ loop: EventLoop, _ manager: ServiceManager, log: Log) throws(SystemError) {
    self.manager = manager
    self.log = log
    timer = try LoopTimer(loop) { [unowned self] in self.look() }
  }

  static func name(of id: JobID) -> String { "\(id)" }
  /// Of the write end of its standard input, which has to be let go as soon as the input ends.
  static func inputName(of id: JobID) -> String { "\(id)\(inputSuffix)" }
  static let inputSuffix = ".stdin"

  func add(_ job: LiveJob) {
    guard manager.address != nil, !job.isHeld else { return }
    if young.isEmpty { timer.start(milliseconds: Self.pause) }
    young.append(job)
  }

  private func look() {
    let now = Clock.microseconds()
    let isBehind = !manager.isIdle
    young.removeAll { job in
      guard !job.hasEnded, !job.isHeld else { return true }
      // A clock that was set back makes no job young for ever.
      guard !isBehind, abs(now - job.started) >= Self.age else { return false }
      hold(job)
      return true
    }
    if !young.isEmpty { timer.start(milliseconds: Self.pause) }
  }

  private func hold(_ job: LiveJob) {
    guard let running = job.running else { return }
    var input: Int32?
    do {
      input = try running.copyInput()
      guard let entry = try running.storeEntry() else {
        if let input { close(input) }
        return
      }
      // The input first: where the entry is found, it is too.
      if let input { manager.hold(input, as: Self.inputName(of: job.id)) }
      manager.hold(entry, as: Self.name(of: job.id))
      job.held(input: input != nil)
    } catch {
      if let input { close(input) }
      log.warn("job_not_deposited", ["id": "\(job.id)", "error": "\(error)"])
    }
  }

  /// Its input may have been closed: then the job is to see that.
  func inputMoved(of job: LiveJob) {
    guard job.isInputHeld, job.running?.isInputOpen != true else { return }
    job.isInputHeld = false
    manager.letGo(Self.inputName(of: job.id))
  }

  /// Its result, or its deletion, is on disk.
  func jobEnded(_ job: LiveJob) {
    guard job.isHeld else { return }
    if job.isInputHeld { manager.letGo(Self.inputName(of: job.id)) }
    manager.letGo(Self.name(of: job.id))
  }
}
