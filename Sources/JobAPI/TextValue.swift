/// A value that is a string in JSON.
public protocol TextValue: Codable, LosslessStringConvertible {
  /// What the string may be, in words.
  static var allowed: String { get }
}

extension TextValue {
  public init(from decoder: any Decoder) throws {
    guard let value = Self(try decoder.singleValueContainer().decode(String.self)) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: Self.allowed))
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
