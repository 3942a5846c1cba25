import Glibc

/// The system's clocks, or a test's. Times are in microseconds.
package struct Clock: Sendable {
  /// Since 1970.
  package let now: @Sendable () -> Int64
  /// Of a clock that is never set.
  package let monotonic: @Sendable () -> Int64
  /// Lets that much pass on it, in the calling thread.
  package let sleep: @Sendable (Int64) -> Void

  package init(
    now: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64,
    sleep: @escaping @Sendable (Int64) -> Void
  ) {
    (self.now, self.monotonic, self.sleep) = (now, monotonic, sleep)
  }

  package static let system = Clock(
    now: Self.microseconds, monotonic: { Self.monotonic() }, sleep: { usleep(UInt32(clamping: $0)) })

  /// What the system's clock shows since 1970 (CLOCK_REALTIME).
  package static func microseconds() -> Int64 { read(CLOCK_REALTIME) }

  /// What the system's clock that is never set shows (CLOCK_MONOTONIC).
  package static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}

/// The end of a time that was given.
package struct Deadline: Sendable {
  private let clock: Clock
  private let end: Int64

  package init(after milliseconds: Int64, _ clock: Clock = .system) {
    self.clock = clock
    end = clock.monotonic() + milliseconds * 1000
  }

  /// Milliseconds; 0 when it is over.
  package var left: Int64 { max(0, (end - clock.monotonic() + 999) / 1000) }
}
