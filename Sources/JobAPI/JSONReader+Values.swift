/// Values of the types that members of bodies have. Nil: it is another one, or nothing that `make` takes.
extension JSONReader {
  package mutating func bool() throws(InvalidRequest) -> Bool? {
    let first = try begin()
    switch first {
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    default: try refuse(first)
    }
    return first == UInt8(ascii: "t")
  }

  package mutating func text() throws(InvalidRequest) -> String? { try text { $0 } }

  package mutating func text<Value>(_ make: (String) -> Value?) throws(InvalidRequest) -> Value? {
    try value(ofText: make, orNumber: { _ in nil })
  }

  package mutating func text<Value>(
    _ make: (String) -> Value?, orInteger number: (Int64) -> Value?
  ) throws(InvalidRequest) -> Value? {
    try value(ofText: make, orNumber: { Self.integer($0).flatMap(number) })
  }

  package mutating func integer() throws(InvalidRequest) -> Int64? {
    try value(ofText: { _ in nil }, orNumber: Self.integer)
  }

  package mutating func number() throws(InvalidRequest) -> Double? {
    let finite = { (text: String) in Double(text).flatMap { $0.isFinite ? $0 : nil } }
    return try value(ofText: { _ in nil }, orNumber: finite)
  }

  private mutating func value<Value>(
    ofText text: (String) -> Value?, orNumber number: (String) -> Value?
  ) throws(InvalidRequest) -> Value? {
    let first = try begin()
    let value: Value?
    switch first {
    case UInt8(ascii: "\""): value = text(try string())
    case UInt8(ascii: "-"), 0x30...0x39: value = number(String(decoding: try numeral(), as: UTF8.self))
    default:
      try refuse(first)
      return nil
    }
    if value == nil { note(.type(part: nil)) }
    return value
  }

  /// Also one that is written as `1e3` or `1.0`.
  private static func integer(_ text: String) -> Int64? {
    Int64(text) ?? Double(text).flatMap(Int64.init(exactly:))
  }

  package mutating func texts() throws(InvalidRequest) -> [String]? {
    guard try beginList("[") else { return nil }
    var texts: [String] = []
    try items { reader throws(InvalidRequest) in
      let number = texts.count
      texts.append(try reader.string { "item \(number)" })
    }
    return texts
  }

  package mutating func namedTexts() throws(InvalidRequest) -> [String: String]? {
    guard try beginList("{") else { return nil }
    var texts: [String: String] = [:]
    try members { reader, name throws(InvalidRequest) in
      let text = try reader.string { "\"\(name)\"" }
      guard texts.updateValue(text, forKey: name) == nil else { throw Self.givenTwice(name) }
    }
    return texts
  }

  /// A string within a value, of which it is called `part`.
  private mutating func string(_ part: () -> String) throws(InvalidRequest) -> String {
    let first = try begin()
    if first == UInt8(ascii: "\"") { return try string() }
    try refuse(first, part: part())
    return ""
  }

  /// An object that is read as a body is.
  package mutating func body<Body: StrictBody>(_: Body.Type) throws(InvalidRequest) -> Body? {
    guard try beginList("{") else { return nil }
    var body = Body()
    guard let fault = try fill(&body) else { return body }
    note(fault.mistyped.map { .type(part: "\"\($0)\"") } ?? .fault(fault.error))
    return nil
  }

  /// An array of objects each of which is read as a body is, and right or wrong by itself.
  package mutating func bodies<Body: StrictBody>(
    _: Body.Type
  ) throws(InvalidRequest) -> [Result<Body, InvalidRequest>]? {
    guard try beginList("[") else { return nil }
    var bodies: [Result<Body, InvalidRequest>] = []
    try items { reader throws(InvalidRequest) in
      var body = Body()
      let fault = try reader.item(&body)
      bodies.append(fault.map { .failure($0) } ?? .success(body))
    }
    return bodies
  }

  /// Reads a value into `body`. What is returned is what is wrong with it.
  mutating func item(_ body: inout some StrictBody) throws(InvalidRequest) -> InvalidRequest? {
    let first = try begin()
    if first == UInt8(ascii: "{") { return try fill(&body)?.error }
    try skip(first)
    return InvalidRequest("the body must be a JSON object")
  }

  private mutating func beginList(_ mark: Unicode.Scalar) throws(InvalidRequest) -> Bool {
    let first = try begin()
    if first == UInt8(ascii: mark) { return true }
    try refuse(first)
    return false
  }
}
