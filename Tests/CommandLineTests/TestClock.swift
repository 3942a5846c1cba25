import Platform

/// A clock that stands until it is moved. What sleeps on it moves it.
final class TestClock: Sendable {
  /// Since 1970, and for how long it ran; what was slept.
  private let times: Mutex<(now: Int64, monotonic: Int64, naps: [Int64])>

  init(_ now: Int64 = 0) { times = Mutex((now, 1, [])) }

  var clock: Clock {
    Clock(
      now: { self.times.withLock { $0.now } }, monotonic: { self.times.withLock { $0.monotonic } },
      sleep: { time in
        self.pass(time)
        self.times.withLock { $0.naps.append(time) }
      })
  }

  /// What was slept, in milliseconds.
  var naps: [Int64] { times.withLock { $0.naps.map { $0 / 1000 } } }

  func pass(milliseconds: Int64) { pass(milliseconds * 1000) }

  private func pass(_ time: Int64) {
    times.withLock { ($0.now, $0.monotonic) = ($0.now + time, $0.monotonic + time) }
  }
}
