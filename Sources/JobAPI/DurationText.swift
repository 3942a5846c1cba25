/// A duration as the API and the command line write it: a number and a unit, `500ms`, `30s`, `5m`, `2h` or `7d`.
public struct DurationText: Codable, Sendable, Equatable, CustomStringConvertible {
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  private static let units: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]
  public static let allowed = "a whole number and ms, s, m, h or d, such as 30s, up to 3650d"
  /// Milliseconds of the longest duration that is understood.
  public static let longest: Int64 = 3650 * 86_400_000

  /// Parses; nil for anything that is not ``allowed``.
  public init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let number = Int64(digits), let unit = Self.units.first(where: { $0.suffix == suffix }) else {
      return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
    guard !overflow, product <= Self.longest else { return nil }
    milliseconds = product
  }

  public var description: String {
    let unit = Self.units.last { milliseconds % $0.milliseconds == 0 && milliseconds >= $0.milliseconds }
    guard let unit else { return "\(milliseconds)ms" }
    return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
  }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let duration = DurationText(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "not a duration: \(Self.allowed)"))
    }
    self = duration
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
