import Platform

/// A duration as the API and the command line write it: a number and a unit, `500ms`, `30s`, `5m`, `2h` or `7d`.
public struct DurationText: TextValue, Sendable, Equatable {
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public static let allowed = "\(Units.time.allowed), up to \(Units.time.print(Units.time.most))"
  /// Milliseconds of the longest duration that is understood.
  public static let longest = Units.time.most

  /// Parses; nil for anything that is not ``allowed``.
  public init?(_ text: String) {
    guard let milliseconds = Units.time.parse(text) else { return nil }
    self.init(milliseconds: milliseconds)
  }

  public var description: String { Units.time.print(milliseconds) }
}
