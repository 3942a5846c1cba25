/// The header `traceparent` of W3C Trace Context, by which what a job does is found among what led to it.
public struct Traceparent: Sendable, Equatable {
  /// As version 00 writes it.
  public let text: String

  /// The variable of the environment that has it, by the custom of OpenTelemetry.
  package static let variable = "TRACEPARENT"
  private static let length = 55

  /// Nil: it is not valid, which is to be taken as if there were none. Of a later version than 00, what that knows of it.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count == Self.length || bytes.count > Self.length && bytes[Self.length] == UInt8(ascii: "-")
    else { return nil }
    let parts = bytes.prefix(Self.length).split(
      separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.map(\.count) == [2, 32, 16, 2], parts.joined().allSatisfy(Self.isDigit),
      parts[1...2].allSatisfy({ $0.contains { $0 != UInt8(ascii: "0") } })
    else { return nil }
    let words = parts.map { String(decoding: $0, as: UTF8.self) }
    switch words[0] {
    case "ff": return nil
    case "00":
      guard bytes.count == Self.length else { return nil }
      self.text = text
    default:
      // Of its flags the one that version 00 has: sampled.
      let flags = UInt8(words[3], radix: 16)! & 1
      self.text = "00-\(words[1])-\(words[2])-0\(flags)"
    }
  }

  /// Hexadecimal, in small letters.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
