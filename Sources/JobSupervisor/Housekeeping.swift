import JobLoop
import JobStore
import Platform

/// What is done from time to time: starts are stored, and what has been kept long enough is let go.
/// Supervisor's thread only.
final class Housekeeping {
  private unowned let supervisor: Supervisor
  private var announceTimer: LoopTimer!
  private var startTimer: LoopTimer!
  private var retentionTimer: LoopTimer!
  /// Jobs whose start the api process is not told yet, and those whose start is not stored yet: most end before that is
  /// worth a message, or a change, of its own.
  private var unannounced: [LiveJob] = []
  private var started: [LiveJob] = []
  private var removalsLeft = 0

  /// Milliseconds.
  private static let announceDelay: UInt64 = 10
  private static let startDelay: UInt64 = 500
  private static let retentionPause: UInt64 = 10_000

  init(_ supervisor: Supervisor) throws(SystemError) {
    self.supervisor = supervisor
    announceTimer = try LoopTimer(supervisor.loop) { [unowned self] in self.announceStarts() }
    startTimer = try LoopTimer(supervisor.loop) { [unowned self] in self.storeStarts() }
    retentionTimer = try LoopTimer(supervisor.loop) { [unowned self] in self.expire() }
    retentionTimer.start(milliseconds: Self.retentionPause)
  }

  func noteStart(_ job: LiveJob) {
    if unannounced.isEmpty { announceTimer.start(milliseconds: Self.announceDelay) }
    unannounced.append(job)
    if started.isEmpty { startTimer.start(milliseconds: Self.startDelay) }
    started.append(job)
  }

  private func announceStarts() {
    let jobs = unannounced
    unannounced = []
    for job in jobs where job.lifecycle.state == .running {
      supervisor.keeper.broadcast(.job(job.record, pid: job.pid))
    }
  }

  private func storeStarts() {
    let jobs = started
    started = []
    for job in jobs where job.lifecycle.state == .running {
      job.isStartStored = true
      supervisor.enqueue(.started(job.record), then: .start)
      supervisor.deposits.add(job)
    }
  }

  private func expire() {
    let supervisor = supervisor
    supervisor.store.maintain(supervisor.configuration.retention) { result in
      supervisor.loop.post { supervisor.housekeeping.remove(result) }
    }
  }

  private func remove(_ result: Result<Expired, StoreError>) {
    switch result {
    case .success(let expired):
      removalsLeft = expired.jobs.count
      for job in expired.jobs { supervisor.remove(job.client, job.id) }
      if !expired.jobs.isEmpty { supervisor.log.debug("expired", ["jobs": "\(expired.jobs.count)"]) }
    case .failure(let error):
      supervisor.log.error("retention_failed", ["error": "\(error)"])
    }
    if removalsLeft == 0 { retentionTimer.start(milliseconds: Self.retentionPause) }
  }

  /// One of the removals that were begun is over; after the last one there may be more to remove.
  func removalEnded() {
    guard removalsLeft > 0 else { return }
    removalsLeft -= 1
    if removalsLeft == 0 { retentionTimer.start(milliseconds: 100) }
  }
}
