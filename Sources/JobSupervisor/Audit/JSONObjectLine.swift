/// A JSON object on a line of its own, with its members in the order in which they are added. Nothing in a value can end
/// the line or a string, or reach a terminal as a control sequence.
struct JSONObjectLine {
  private var bytes: [UInt8] = []

  init() { bytes.reserveCapacity(512) }

  /// Nil: there is no such member. So with the others.
  mutating func add(_ name: StaticString, _ value: String?) {
    guard let value else { return }
    begin(name)
    put(value)
  }

  mutating func add(_ name: StaticString, _ value: Int?) {
    guard let value else { return }
    begin(name)
    bytes += "\(value)".utf8
  }

  mutating func add(_ name: StaticString, _ value: Bool) {
    begin(name)
    bytes += "\(value)".utf8
  }

  mutating func add(_ name: StaticString, _ values: [String]) {
    begin(name)
    bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      put(value)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  consuming func finish() -> [UInt8] {
    bytes += "}\n".utf8
    return bytes
  }

  private mutating func begin(_ name: StaticString) {
    bytes.append(UInt8(ascii: bytes.isEmpty ? "{" : ","))
    bytes.append(UInt8(ascii: "\""))
    bytes += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    bytes += "\":".utf8
  }

  private mutating func put(_ value: String) {
    bytes.append(UInt8(ascii: "\""))
    if value.utf8.allSatisfy(Self.isPlain) { bytes += value.utf8 } else { putEscaping(value) }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func putEscaping(_ value: String) {
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"", "\\": bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
      case "\n": bytes += "\\n".utf8
      case _ where Self.isHidden(scalar):
        for unit in String(scalar).utf16 {
          let hex = String(unit, radix: 16)
          bytes += "\\u\(String(repeating: "0", count: 4 - hex.utf8.count))\(hex)".utf8
        }
      default: bytes += String(scalar).utf8
      }
    }
  }

  /// What is not seen, turns the direction of the text, or is taken for the end of a line by some readers.
  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
  }
}
