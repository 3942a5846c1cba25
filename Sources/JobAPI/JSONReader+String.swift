import Platform

extension JSONReader {
  /// A string's text. `at` is at its quotation mark.
  mutating func string() throws(InvalidRequest) -> String {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] >= 0x20 {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        return try checked(String(strictUTF8: UnsafeRawBufferPointer(rebasing: bytes[start..<at - 1])))
      case UInt8(ascii: "\\"): return try escaped(from: start)
      default: at += 1
      }
    }
    throw unexpected()
  }

  private func checked(_ text: String?) throws(InvalidRequest) -> String {
    guard let text else { throw notJSON("it is not UTF-8") }
    return text
  }

  /// One whose first escape is met at `at`.
  private mutating func escaped(from start: Int) throws(InvalidRequest) -> String {
    var utf8 = Array(bytes[start..<at])
    while at < bytes.count, bytes[at] >= 0x20 {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        return try checked(utf8.withUnsafeBytes { String(strictUTF8: $0) })
      case UInt8(ascii: "\\"): try escape(into: &utf8)
      default:
        utf8.append(bytes[at])
        at += 1
      }
    }
    throw unexpected()
  }

  private mutating func escape(into utf8: inout [UInt8]) throws(InvalidRequest) {
    at += 1
    guard let mark = peek else { throw unexpected() }
    at += 1
    switch mark {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): utf8.append(mark)
    case UInt8(ascii: "b"): utf8.append(8)
    case UInt8(ascii: "f"): utf8.append(12)
    case UInt8(ascii: "n"): utf8.append(10)
    case UInt8(ascii: "r"): utf8.append(13)
    case UInt8(ascii: "t"): utf8.append(9)
    case UInt8(ascii: "u"): utf8.append(contentsOf: UTF8.encode(try scalar())!)
    default: throw Self.malformed
    }
  }

  /// What follows `\u`: a scalar, or a pair of surrogates.
  private mutating func scalar() throws(InvalidRequest) -> Unicode.Scalar {
    let first = try unit()
    guard UTF16.isLeadSurrogate(first) else {
      guard let scalar = Unicode.Scalar(first) else { throw Self.malformed }
      return scalar
    }
    try expect(UInt8(ascii: "\\"))
    try expect(UInt8(ascii: "u"))
    let second = try unit()
    guard UTF16.isTrailSurrogate(second) else { throw Self.malformed }
    return UTF16.decode(UTF16.EncodedScalar([first, second]))
  }

  private mutating func expect(_ byte: UInt8) throws(InvalidRequest) {
    guard let next = peek else { throw unexpected() }
    guard next == byte else { throw Self.malformed }
    at += 1
  }

  private mutating func unit() throws(InvalidRequest) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek else { throw unexpected() }
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw Self.malformed
      }
      unit = unit << 4 | UInt16(digit)
      at += 1
    }
    return unit
  }

  private static var malformed: InvalidRequest { InvalidRequest("the body is not JSON (RFC 8259)") }
}
