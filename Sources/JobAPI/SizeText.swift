/// A number of bytes as the configuration and the command line write it: `512`, `64KiB`, `64MiB`, `2GiB` or `1TiB`.
public enum SizeText {
  public static let allowed = "a whole number of bytes, or with KiB, MiB, GiB or TiB, such as 64MiB"
  private static let units: [(suffix: String, shift: Int)] = [
    ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0),
  ]

  public static func parse(_ text: String) -> Int? {
    let digits = text.utf8.prefix { $0 >= 0x30 && $0 <= 0x39 }
    let suffix = text.dropFirst(digits.count)
    guard let number = Int(Substring(digits)), let unit = units.first(where: { $0.suffix == suffix }),
      number <= Int.max >> unit.shift
    else { return nil }
    return number << unit.shift
  }

  public static func print(_ bytes: Int) -> String {
    let unit = units.first { bytes % (1 << $0.shift) == 0 && bytes >= 1 << $0.shift } ?? ("", 0)
    return "\(bytes >> unit.shift)\(unit.suffix)"
  }
}
