import JobAPI

/// Reads a body as RFC 8259 has it, without building its values: what the decoder is lenient about (a trailing comma,
/// a member given twice, UTF-16) and what would cost it much is refused before it begins.
struct JSONScan {
  private let bytes: UnsafeRawBufferPointer
  private let most: Int
  private var at = 0
  private var values = 0

  /// No body of the API is as deep.
  private static let mostDeep = 16

  /// Throws when `bytes` are not JSON in UTF-8, when an object gives a member twice, and when there are more than
  /// `most` values. `bytes` live during the call.
  static func check(_ bytes: UnsafeRawBufferPointer, most: Int) throws(InvalidRequest) {
    var scan = JSONScan(bytes: bytes, most: most)
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { throw scan.fault("it begins with a byte order mark") }
    try scan.value(depth: 0)
    guard scan.next() == nil else { throw scan.unexpected() }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw scan.fault("it is not UTF-8") }
  }

  private init(bytes: UnsafeRawBufferPointer, most: Int) { (self.bytes, self.most) = (bytes, most) }

  private mutating func value(depth: Int) throws(InvalidRequest) {
    values += 1
    guard values <= most else { throw InvalidRequest("the body holds more than \(most) values") }
    guard depth < Self.mostDeep else {
      throw InvalidRequest("the body is nested more than \(Self.mostDeep) deep")
    }
    switch next() {
    case UInt8(ascii: "{"): try object(depth)
    case UInt8(ascii: "["): try list("]") { scan throws(InvalidRequest) in try scan.value(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
  }

  private mutating func object(_ depth: Int) throws(InvalidRequest) {
    var names: Set<String> = []
    try list("}") { scan throws(InvalidRequest) in
      guard scan.next() == UInt8(ascii: "\"") else { throw scan.unexpected() }
      let name = Self.text(of: try scan.string())
      guard names.insert(name).inserted else {
        throw InvalidRequest("member \"\(printable(name))\" is given twice")
      }
      try scan.take(":")
      try scan.value(depth: depth + 1)
    }
  }

  /// What stands between brackets, with commas between.
  private mutating func list(
    _ end: Unicode.Scalar, _ item: (inout JSONScan) throws(InvalidRequest) -> Void
  ) throws(InvalidRequest) {
    at += 1
    guard next() != UInt8(ascii: end) else {
      at += 1
      return
    }
    while true {
      try item(&self)
      guard next() == UInt8(ascii: ",") else { return try take(end) }
      at += 1
      if next() == UInt8(ascii: end) { throw fault("a comma is followed by \"\(end)\" at byte \(at)") }
    }
  }

  /// What is between the quotation marks, as it is written.
  private mutating func string() throws(InvalidRequest) -> Slice<UnsafeRawBufferPointer> {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] >= 0x20 {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        return bytes[start..<at - 1]
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
    throw unexpected()
  }

  private mutating func number() throws(InvalidRequest) {
    if peek == UInt8(ascii: "-") { at += 1 }
    if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      at += 1
      try digits()
    }
    guard peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") else { return }
    at += 1
    if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
    try digits()
  }

  private mutating func digits() throws(InvalidRequest) {
    let start = at
    while let byte = peek, (0x30...0x39).contains(byte) { at += 1 }
    if at == start { throw unexpected() }
  }

  private mutating func word(_ word: StaticString) throws(InvalidRequest) {
    for index in 0..<word.utf8CodeUnitCount {
      guard peek == word.utf8Start[index] else { throw unexpected() }
      at += 1
    }
  }

  private mutating func take(_ mark: Unicode.Scalar) throws(InvalidRequest) {
    guard next() == UInt8(ascii: mark) else { throw unexpected() }
    at += 1
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// The next byte that is no white space.
  private mutating func next() -> UInt8? {
    while let byte = peek, byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d { at += 1 }
    return peek
  }

  private func unexpected() -> InvalidRequest {
    fault(at < bytes.count ? "byte \(at) is not allowed there" : "it ends too early")
  }

  private func fault(_ what: String) -> InvalidRequest {
    InvalidRequest("the body is not JSON (RFC 8259) in UTF-8: \(what)")
  }
}

extension JSONScan {
  /// A string's text, so that "a" and "\u0061" are the same name. What is malformed is left to the decoder.
  private static func text(of written: Slice<UnsafeRawBufferPointer>) -> String {
    guard written.contains(UInt8(ascii: "\\")) else { return String(decoding: written, as: UTF8.self) }
    var units: [UInt16] = []
    var rest = Substring(decoding: written, as: UTF8.self).utf16
    while let unit = rest.popFirst() {
      guard unit == 0x5c, let escaped = rest.popFirst() else {
        units.append(unit)
        continue
      }
      units.append(escaped == 0x75 ? hex(&rest) : plain[escaped] ?? escaped)
    }
    return String(decoding: units, as: UTF16.self)
  }

  private static let plain: [UInt16: UInt16] = [0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9]

  private static func hex(_ rest: inout Substring.UTF16View) -> UInt16 {
    let digits = String(decoding: rest.prefix(4), as: UTF16.self)
    rest = rest.dropFirst(4)
    return UInt16(digits, radix: 16) ?? 0
  }
}
