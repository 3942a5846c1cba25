/// A request body that is read strictly: no unknown member, no null, each member of its type, values within limits.
package protocol StrictBody {
  static var members: BodyMembers { get }
  /// The first of them must be there.
  static var isFirstRequired: Bool { get }
  /// Most JSON values in a body, those within others counted: what is built is bounded.
  static var mostValues: Int { get }
  /// One of which no member was read.
  init()
  /// Reads the value of one of ``members``, by the function of its type.
  mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest)
  /// Checks the values once the types are right.
  func validate() throws(InvalidRequest)
}

extension StrictBody {
  package static var isFirstRequired: Bool { true }
  package static var mostValues: Int { 32_768 }

  /// What a member must be, in words.
  package static func allowed(_ member: String) -> String { members.words[members.place(of: member)!] }

  /// Reads a request's body. The error names the member at fault and says what is allowed there.
  package init(strictJSON bytes: UnsafeRawBufferPointer) throws(InvalidRequest) {
    self.init()
    var reader = try JSONReader(bytes, most: Self.mostValues)
    let fault = try reader.item(&self)
    try reader.end()
    if let fault { throw fault }
  }
}

/// Each member's name, and in words what it must be. Of several at fault the first of them is told.
package struct BodyMembers: Sendable, ExpressibleByDictionaryLiteral {
  package let names, words: [String]

  package init(dictionaryLiteral elements: (String, String)...) {
    (names, words) = (elements.map(\.0), elements.map(\.1))
  }

  private init(_ names: [String], _ words: [String]) { (self.names, self.words) = (names, words) }

  static func + (first: BodyMembers, more: BodyMembers) -> BodyMembers {
    BodyMembers(first.names + more.names, first.words + more.words)
  }

  /// Where a member stands among them; nil: it is none of them.
  func place(of name: String) -> Int? { names.firstIndex(of: name) }
}

/// At most 64 characters of what a client sent, without control characters, for a message.
package func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.prefix(64).map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
}
