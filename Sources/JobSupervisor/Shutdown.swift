import Glibc
import JobModel

/// Carries out what the lifecycle of the shutdown says: no new connection, running replies finished, jobs ended by TERM
/// and then KILL, results saved.
extension Supervisor {
  /// Milliseconds for replies that waited for a job's end.
  private static let lastReplies: UInt64 = 2000

  /// `signal` nil: the daemon cannot go on.
  func stopAsked(_ signal: String?) {
    if let signal {
      let event: StaticString = shutdown == nil ? "stopping" : "hurrying"
      log.info(event, ["signal": signal, "jobs": "\(book.unfinished.count)"])
    }
    keeper.notify("STOPPING=1")
    upgrade?.fail("the daemon is stopping")
    upgrade = nil
    guard shutdown == nil else { return advanceShutdown(.hurry) }
    shutdown = ShutdownLifecycle()
    audit?.tell(AuditEntry(configuration: "stop"))
    handle(.stopping)
    apis.drain()
    shutdownTimer.start(milliseconds: UInt64(configuration.drainTime))
    advanceShutdown(.progress)
  }

  func advanceShutdown(_ event: ShutdownLifecycle.Event) {
    guard shutdown != nil else { return }
    let rest = ShutdownLifecycle.Rest(
      apis: !apis.isEmpty, replies: !apis.isDrained, jobs: book.hasUnfinished,
      running: book.hasActive, changes: book.hasPending)
    let actions = shutdown!.handle(event, rest)
    if actions.contains(.stopJobs) {
      shutdownTimer.stop()
      handle(.stopAll)
    }
    if actions.contains(.killJobs) { handle(.killAll) }
    if actions.contains(.lastReplies) {
      apis.drainAgain()
      shutdownTimer.start(milliseconds: Self.lastReplies)
    }
    if actions.contains(.killApis) { apis.kill() }
    if actions.contains(.end) { end() }
  }

  private func end() {
    for id in book.unfinished {
      log.error("result_not_saved", ["id": "\(id)", "reason": "stopped before the disk took it"])
    }
    loop.stop()
  }
}
