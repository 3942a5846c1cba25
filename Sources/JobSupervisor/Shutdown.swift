import Glibc
import JobLoop
import Platform

/// Carries out what the shutdown's lifecycle says: no new connection, running replies finished, jobs ended by TERM and
/// then KILL, results saved. Supervisor's thread only.
final class Shutdown {
  private unowned let supervisor: Supervisor
  private var lifecycle = ShutdownLifecycle()
  private var timer: LoopTimer!
  /// Time for replies that waited for a job's end (milliseconds).
  private static let lastReplies: UInt64 = 2000

  init(_ supervisor: Supervisor) throws(SystemError) {
    self.supervisor = supervisor
    timer = try LoopTimer(supervisor.loop) { [unowned self] in self.handle(.timeIsUp) }
  }

  func begin() {
    supervisor.keeper.drain()
    timer.start(milliseconds: UInt64(supervisor.configuration.drainTime))
    handle(.progress)
  }

  func handle(_ event: ShutdownLifecycle.Event) {
    let jobs = supervisor.jobs.values
    let rest = ShutdownLifecycle.Rest(
      apis: !supervisor.keeper.isEmpty, replies: !supervisor.keeper.isDrained, jobs: !jobs.isEmpty,
      running: jobs.contains { $0.lifecycle.isActive }, changes: !supervisor.changes.isEmpty)
    let actions = lifecycle.handle(event, rest)
    if actions.contains(.stopJobs) { stopJobs() }
    if actions.contains(.killJobs) {
      for job in jobs { job.running?.stop(grace: 0) }
    }
    if actions.contains(.lastReplies) {
      supervisor.keeper.drainAgain()
      timer.start(milliseconds: Self.lastReplies)
    }
    if actions.contains(.killApis) { supervisor.keeper.kill() }
    if actions.contains(.end) { end() }
  }

  private func end() {
    for job in supervisor.jobs.values {
      supervisor.log.error(
        "result_not_saved", ["id": "\(job.record.id)", "reason": "stopped before the disk took it"])
    }
    supervisor.loop.stop()
  }

  private func stopJobs() {
    timer.stop()
    for job in supervisor.jobs.values { supervisor.stop(job, grace: job.grace) }
  }
}

extension Supervisor {
  /// `signal` nil: the daemon cannot go on.
  func stopAsked(_ signal: String?) {
    if let signal { log.info("stopping", ["signal": signal, "jobs": "\(jobs.count)"]) }
    manager.tell(.stopping)
    upgrade = nil
    if let shutdown { return shutdown.handle(.hurry) }
    do {
      let shutdown = try Shutdown(self)
      self.shutdown = shutdown
      shutdown.begin()
    } catch {
      log.error("stop_failed", ["error": "\(error)"])
      loop.stop()
    }
  }
}
