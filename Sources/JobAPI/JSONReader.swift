/// Reads JSON (RFC 8259) in UTF-8 value by value, in one pass. What is no JSON, gives a member twice or holds too much is
/// thrown where it is met. A value of another type than was asked for is passed over and told by ``takeMismatch()``, since
/// what comes after it may be worse. Borrows the bytes: used within their lifetime. One thread.
package struct JSONReader {
  let bytes: UnsafeRawBufferPointer
  var at = 0
  private let most: Int
  private var values = 0
  private var depth = 0
  private var mismatch: Mismatch?

  /// What is wrong with a value that is JSON.
  enum Mismatch {
    /// Its type, or that of `part` of it.
    case type(part: String?)
    case fault(InvalidRequest)
  }

  /// No body of the API is as deep.
  private static let mostDeep = 16

  /// `most`: values there may be, those within others counted.
  init(_ bytes: UnsafeRawBufferPointer, most: Int) throws(InvalidRequest) {
    (self.bytes, self.most) = (bytes, most)
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { throw notJSON("it begins with a byte order mark") }
  }

  /// Nothing may follow the value that was read.
  mutating func end() throws(InvalidRequest) {
    guard next() == nil else { throw unexpected() }
  }

  /// The first byte of a value that is to be read; 0: there is none.
  mutating func begin() throws(InvalidRequest) -> UInt8 {
    values += 1
    guard values <= most else { throw InvalidRequest("the body holds more than \(most) values") }
    guard depth < Self.mostDeep else {
      throw InvalidRequest("the body is nested more than \(Self.mostDeep) deep")
    }
    return next() ?? 0
  }

  /// Whether a value that is to be read is null, or no JSON.
  var isNull: Bool {
    mutating get { next() == UInt8(ascii: "n") }
  }

  /// Passes over a value that begins with `first`.
  mutating func skip(_ first: UInt8) throws(InvalidRequest) {
    switch first {
    case UInt8(ascii: "{"):
      var names: Set<String> = []
      try members { reader, name throws(InvalidRequest) in
        guard names.insert(name).inserted else { throw Self.givenTwice(name) }
        try reader.skip(try reader.begin())
      }
    case UInt8(ascii: "["):
      try items { reader throws(InvalidRequest) in try reader.skip(try reader.begin()) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: _ = try numeral()
    }
  }

  /// Passes over a value of a type that was not asked for.
  mutating func refuse(_ first: UInt8, part: String? = nil) throws(InvalidRequest) {
    try skip(first)
    note(.type(part: part))
  }

  /// The first one counts.
  mutating func note(_ what: Mismatch) { mismatch = mismatch ?? what }

  /// What is wrong with the value that was read last; nil: nothing.
  mutating func takeMismatch() -> Mismatch? {
    defer { mismatch = nil }
    return mismatch
  }

  /// The items of an array, each to be read by `item`.
  mutating func items(_ item: (inout JSONReader) throws(InvalidRequest) -> Void) throws(InvalidRequest) {
    try list("]", item)
  }

  /// The members of an object, each to be read by `member`.
  mutating func members(
    _ member: (inout JSONReader, String) throws(InvalidRequest) -> Void
  ) throws(InvalidRequest) {
    try list("}") { reader throws(InvalidRequest) in
      guard reader.next() == UInt8(ascii: "\"") else { throw reader.unexpected() }
      let name = try reader.string()
      try reader.take(":")
      try member(&reader, name)
    }
  }

  /// What stands between brackets, with commas between.
  private mutating func list(
    _ end: Unicode.Scalar, _ item: (inout JSONReader) throws(InvalidRequest) -> Void
  ) throws(InvalidRequest) {
    at += 1
    guard next() != UInt8(ascii: end) else {
      at += 1
      return
    }
    depth += 1
    while true {
      try item(&self)
      guard next() == UInt8(ascii: ",") else { break }
      at += 1
      if next() == UInt8(ascii: end) { throw notJSON("a comma is followed by \"\(end)\" at byte \(at)") }
    }
    depth -= 1
    try take(end)
  }

  /// A number as it is written.
  mutating func numeral() throws(InvalidRequest) -> Slice<UnsafeRawBufferPointer> {
    let start = at
    if peek == UInt8(ascii: "-") { at += 1 }
    if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      at += 1
      try digits()
    }
    guard peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") else { return bytes[start..<at] }
    at += 1
    if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
    try digits()
    return bytes[start..<at]
  }

  private mutating func digits() throws(InvalidRequest) {
    let start = at
    while let byte = peek, (0x30...0x39).contains(byte) { at += 1 }
    if at == start { throw unexpected() }
  }

  mutating func word(_ word: StaticString) throws(InvalidRequest) {
    for index in 0..<word.utf8CodeUnitCount {
      guard peek == word.utf8Start[index] else { throw unexpected() }
      at += 1
    }
  }

  private mutating func take(_ mark: Unicode.Scalar) throws(InvalidRequest) {
    guard next() == UInt8(ascii: mark) else { throw unexpected() }
    at += 1
  }

  var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  /// The next byte that is no white space.
  private mutating func next() -> UInt8? {
    while let byte = peek, byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d { at += 1 }
    return peek
  }

  func unexpected() -> InvalidRequest {
    notJSON(at < bytes.count ? "byte \(at) is not allowed there" : "it ends too early")
  }

  func notJSON(_ what: String) -> InvalidRequest {
    InvalidRequest("the body is not JSON (RFC 8259) in UTF-8: \(what)")
  }

  static func givenTwice(_ name: String) -> InvalidRequest {
    InvalidRequest("member \"\(printable(name))\" is given twice")
  }
}
