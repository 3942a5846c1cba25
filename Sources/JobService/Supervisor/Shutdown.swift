import Glibc
import JobAPI

/// The orderly end: no new connection, running replies finished, jobs ended by TERM and then KILL, results saved.
/// Supervisor's thread only.
final class Shutdown {
  private unowned let supervisor: Supervisor
  private enum Phase { case draining, stoppingJobs, lastReplies, done }
  private var phase = Phase.draining
  private var timer: LoopTimer!
  /// Time for replies that waited for a job's end (milliseconds).
  private static let lastReplies: UInt64 = 2000

  init(_ supervisor: Supervisor) throws(SystemError) {
    self.supervisor = supervisor
    timer = try LoopTimer(supervisor.loop) { [unowned self] in self.timeIsUp() }
  }

  func begin() {
    supervisor.keeper.drain()
    timer.start(milliseconds: UInt64(supervisor.configuration.drainTime))
    if supervisor.keeper.isEmpty { stopJobs() }
  }

  /// Nothing is waited for any longer: a second signal.
  func hurry() {
    for job in supervisor.jobs.values { job.running?.stop(grace: 0) }
    if phase == .draining { stopJobs() }
  }

  private func timeIsUp() {
    switch phase {
    case .draining: stopJobs()
    case .lastReplies: supervisor.keeper.kill()
    case .stoppingJobs, .done: break
    }
  }

  private func stopJobs() {
    phase = .stoppingJobs
    timer.stop()
    for job in supervisor.jobs.values { supervisor.stop(job, grace: job.grace) }
    jobEnded()
  }

  func jobEnded() {
    guard phase == .stoppingJobs, supervisor.jobs.isEmpty else { return }
    phase = .lastReplies
    timer.start(milliseconds: Self.lastReplies)
    apiEnded()
  }

  func apiEnded() {
    guard supervisor.keeper.isEmpty else { return }
    if phase == .draining { return stopJobs() }
    guard phase == .lastReplies else { return }
    phase = .done
    supervisor.loop.stop()
  }
}

extension Supervisor {
  /// `signal` nil: the daemon cannot go on.
  func stopAsked(_ signal: String?) {
    if let signal { log.info("stopping", ["signal": signal, "jobs": "\(jobs.count)"]) }
    upgrade = nil
    if let shutdown { return shutdown.hurry() }
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
