import JobLoop
import Platform

/// Until when a reply waits for a job: its exchange is woken then. Worker's thread only.
final class ReplyDeadline {
  private unowned let worker: Worker
  private let exchange: UInt64
  private let deadline: Deadline
  private var timer: LoopTimer?

  init(_ worker: Worker, _ exchange: Exchange, milliseconds: Int64) throws(SystemError) {
    (self.worker, self.exchange) = (worker, exchange.number)
    deadline = Deadline(after: milliseconds)
    timer = try LoopTimer(worker.loop) { [unowned self] in self.timerFired() }
    timerFired()
  }

  /// The time is up, or the process is to end.
  var isOver: Bool { deadline.left <= 0 || worker.isDraining }

  /// A timer comes a little early.
  private func timerFired() {
    let left = deadline.left
    guard left > 0 else { return worker.wake(exchange) }
    timer?.start(milliseconds: UInt64(left))
  }
}
