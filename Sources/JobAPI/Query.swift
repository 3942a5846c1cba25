/// The query of a request's target: names and values, percent-encoded when printed (RFC 3986, section 3.4).
public struct Query: Sendable, Equatable, CustomStringConvertible, ExpressibleByDictionaryLiteral {
  public private(set) var items: [(name: String, value: String)]

  public init(dictionaryLiteral elements: (String, String?)...) {
    items = elements.compactMap { name, value in value.map { (name, $0) } }
  }

  /// Parses what follows the question mark; nil when it is not percent-encoded UTF-8. `+` is a space.
  public init?(parsing text: some StringProtocol) {
    items = []
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Query.decode(parts[0]), let value = Query.decode(parts.count > 1 ? parts[1] : "")
      else {
        return nil
      }
      items.append((name, value))
    }
  }

  /// Adds a pair; nothing when `value` is nil.
  public mutating func add(_ name: String, _ value: String?) {
    if let value { items.append((name, value)) }
  }

  /// The first value of this name.
  public subscript(name: String) -> String? { items.first { $0.name == name }?.value }
  /// All values of this name.
  public func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

  public static func == (left: Query, right: Query) -> Bool {
    left.items.elementsEqual(right.items) { $0 == $1 }
  }

  /// Empty, or a question mark and the pairs.
  public var description: String {
    if items.isEmpty { return "" }
    return "?" + items.map { "\(Query.encode($0.name))=\(Query.encode($0.value))" }.joined(separator: "&")
  }

  private static func encode(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e, 0x2f, 0x3a:
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        out += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return out
  }

  private static func decode(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init)
  }
}
