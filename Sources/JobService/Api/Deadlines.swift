import JobLoop
import Platform

/// Wakes exchanges at given times: a heap of times and one timer. Worker's thread only.
final class Deadlines {
  private struct Deadline {
    let time: Int64
    let exchange: UInt64
  }

  private var heap: [Deadline] = []
  private var timer: LoopTimer!
  private let wake: (UInt64) -> Void
  private let isOpen: (UInt64) -> Bool
  /// Exchanges that ended since the heap was last cleared of such.
  private var ended = 0
  private static let fewest = 64

  /// `isOpen`: whether the exchange is still there to be woken.
  init(
    _ loop: EventLoop, isOpen: @escaping (UInt64) -> Bool, wake: @escaping (UInt64) -> Void
  ) throws(SystemError) {
    self.wake = wake
    self.isOpen = isOpen
    timer = try LoopTimer(loop) { [unowned self] in self.fire() }
  }

  /// Wakes the exchange after `milliseconds`.
  func add(_ exchange: UInt64, after milliseconds: Int64) {
    heap.append(Deadline(time: Clock.monotonic() + milliseconds * 1000, exchange: exchange))
    rise(heap.count - 1)
    if heap[0].exchange == exchange { restart() }
  }

  /// An exchange that was added is over. Its time stays until half of the heap are of such, so that what is kept is
  /// bounded by the exchanges that are open, however far away their times are.
  func exchangeEnded() {
    ended += 1
    guard ended > Self.fewest, ended > heap.count / 2 else { return }
    ended = 0
    heap.removeAll { !isOpen($0.exchange) }
    for index in (0..<heap.count / 2).reversed() { sink(index) }
  }

  /// Times kept.
  var count: Int { heap.count }

  func fireAll() {
    let all = heap
    heap = []
    timer.stop()
    for deadline in all { wake(deadline.exchange) }
  }

  private func fire() {
    let now = Clock.monotonic()
    while let first = heap.first, first.time <= now {
      removeFirst()
      wake(first.exchange)
    }
    restart()
  }

  private func restart() {
    guard let first = heap.first else { return }
    // Rounded up, so that the time has come when the timer fires.
    timer.start(milliseconds: UInt64(max(0, first.time - Clock.monotonic() + 999) / 1000))
  }

  private func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    sink(0)
  }

  private func rise(_ start: Int) {
    var at = start
    while at > 0, heap[at].time < heap[(at - 1) / 2].time {
      heap.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  private func sink(_ start: Int) {
    var at = start
    while true {
      var least = at
      for child in [2 * at + 1, 2 * at + 2] where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      guard least != at else { return }
      heap.swapAt(at, least)
      at = least
    }
  }
}
