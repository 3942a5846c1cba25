/// How long to wait before an api process that died is replaced: not at all, until one after the other dies young.
struct RestartPacing {
  private var pause: UInt64 = 0
  private static let first: UInt64 = 50
  /// Milliseconds.
  static let longest: UInt64 = 1000
  /// Microseconds.
  static let shortLife: Int64 = 200_000

  /// Milliseconds to wait after one that lived for `life` microseconds.
  mutating func pause(afterLife life: Int64) -> UInt64 {
    guard life < Self.shortLife else {
      pause = 0
      return 0
    }
    defer { pause = min(max(pause * 2, Self.first), Self.longest) }
    return pause
  }
}
