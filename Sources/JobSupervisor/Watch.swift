import JobLoop
import Platform

/// Gives the keeper a sign of life each second, and looks for those of the api processes: one that is silent for too
/// long is killed, and another takes its place. Supervisor's thread only.
final class Watch {
  private unowned let supervisor: Supervisor
  private var timer: LoopTimer!
  /// Milliseconds.
  private let limit: UInt64
  private var lastLook = Clock.monotonic()

  /// Milliseconds.
  private static let pause: UInt64 = 1000

  init(_ supervisor: Supervisor) throws(SystemError) {
    self.supervisor = supervisor
    limit = UInt64(supervisor.configuration.watchdogTime)
    timer = try LoopTimer(supervisor.loop) { [unowned self] in self.look() }
    timer.start(milliseconds: 0)
  }

  private func look() {
    timer.start(milliseconds: Self.pause)
    supervisor.keeper.alive(within: limit)
    let now = Clock.monotonic()
    // Late itself, it has not read what they sent meanwhile.
    let wasLate = now - lastLook > Int64(2 * Self.pause * 1000)
    lastLook = now
    supervisor.apis.killSilent(for: Int64(limit) * 1000, countingAnew: wasLate)
  }
}
