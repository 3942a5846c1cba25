import Glibc

/// The system's clocks.
package enum Clock {
  /// Microseconds since 1970 (CLOCK_REALTIME).
  package static func microseconds() -> Int64 { read(CLOCK_REALTIME) }

  /// Microseconds of a clock that is never set (CLOCK_MONOTONIC).
  package static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}
