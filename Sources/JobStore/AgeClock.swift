import Platform

/// The time by which the age of what is kept is counted. A wall clock that is set forward while this process runs, however
/// far, makes nothing older than it is by the clock that is never set: what is deleted for its age is gone for good.
struct AgeClock {
  private let clock: Clock
  private let wall, steady: Int64
  /// Microseconds by which a wall clock may run ahead, as one does that is corrected little by little.
  private static let slack: Int64 = 60_000_000

  init(_ clock: Clock = .system) {
    (self.clock, wall, steady) = (clock, clock.now(), clock.monotonic())
  }

  /// Microseconds since 1970.
  var now: Int64 { min(clock.now(), wall + (clock.monotonic() - steady) + Self.slack) }
}
