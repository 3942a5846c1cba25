/// Whole numbers with a unit after them, as people write sizes and durations.
package struct Units: Sendable {
  /// What may be given, in words.
  package let allowed: String
  /// The largest number that is understood.
  package let most: Int64
  /// The largest first.
  private let units: [(suffix: String, factor: Int64)]

  /// `512`, `64KiB`, `64MiB`, `2GiB` or `1TiB`.
  package static let bytes = Units(
    allowed: "a whole number of bytes, or with KiB, MiB, GiB or TiB, such as 64MiB", most: .max,
    units: [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)])

  /// Milliseconds: `500ms`, `30s`, `5m`, `2h` or `7d`.
  package static let time = Units(
    allowed: "a whole number and ms, s, m, h or d, such as 30s", most: 3650 * 86_400_000,
    units: [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)])

  /// Nil for anything that is not ``allowed``.
  package func parse(_ text: String) -> Int64? {
    let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
    let suffix = text[digits.endIndex...]
    guard let number = Int64(Substring(digits)), let unit = units.first(where: { $0.suffix == suffix }) else {
      return nil
    }
    let (product, overflows) = number.multipliedReportingOverflow(by: unit.factor)
    return overflows || product > most ? nil : product
  }

  /// In the largest unit that leaves no fraction.
  package func print(_ number: Int64) -> String {
    let unit = units.first { number % $0.factor == 0 && number >= $0.factor } ?? units[units.count - 1]
    return "\(number / unit.factor)\(unit.suffix)"
  }
}
