/// Lengths of time and amounts as people say them.
enum Spell {
  /// Microseconds with two or three digits: `0.6 ms`, `3.4 s`, `12 min 5 s`.
  static func time(_ microseconds: Int64) -> String {
    switch microseconds {
    case ..<100_000: "\(rounded(Double(microseconds) / 1000)) ms"
    case ..<1_000_000: "\(microseconds / 1000) ms"
    case ..<60_000_000: "\(rounded(Double(microseconds) / 1_000_000)) s"
    case ..<3_600_000_000: pair(microseconds / 1_000_000, 60, "min", "s")
    case ..<172_800_000_000: pair(microseconds / 60_000_000, 60, "h", "min")
    default: pair(microseconds / 3_600_000_000, 24, "d", "h")
    }
  }

  /// One digit after the point: of a time in columns, `0.3s`, `754.0s`.
  static func seconds(_ microseconds: Int64) -> String { "\(tenths(Double(microseconds) / 1_000_000))s" }

  static func tenths(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }

  static func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }

  private static func rounded(_ number: Double) -> String {
    number < 10 ? tenths(number) : "\(Int64(number.rounded()))"
  }

  private static func pair(_ number: Int64, _ unit: Int64, _ large: String, _ small: String) -> String {
    let rest = number % unit
    return "\(number / unit) \(large)" + (rest == 0 ? "" : " \(rest) \(small)")
  }
}
