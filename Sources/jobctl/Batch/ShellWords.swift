/// The words of a command, as a POSIX shell splits a line (Shell Command Language, 2.2 and 2.3): by quotes and
/// backslashes, up to a comment. Nothing is expanded, and what only a shell can do is a fault unless it is quoted.
struct ShellWords {
  /// Why a line is no command, in words.
  struct Fault: Error, Equatable { let text: String }

  private var rest: Substring.UnicodeScalarView
  private var words: [String] = []
  /// Nil: between two words.
  private var word: String.UnicodeScalarView?

  private init(_ line: String) { rest = Substring(line).unicodeScalars }

  /// Empty for a line of blanks or with a comment alone.
  static func split(_ line: String) throws(Fault) -> [String] {
    var words = ShellWords(line)
    while let scalar = words.rest.popFirst() { try words.take(scalar) }
    words.endWord()
    return words.words
  }

  private mutating func take(_ scalar: Unicode.Scalar) throws(Fault) {
    switch scalar {
    case " ", "\t": endWord()
    case "#" where word == nil: rest = rest[rest.endIndex...]
    case "'": try takeQuoted()
    case "\"": try takeDoubleQuoted()
    case "\\":
      guard let next = rest.popFirst() else {
        throw Fault(text: "it ends in a backslash, but a command is one line")
      }
      append(next)
    case ";", "|", "&", "<", ">", "(", ")":
      throw Fault(text: "\"\(scalar)\" is for a shell: quote it, or give --shell")
    default: append(scalar)
    }
  }

  private mutating func takeQuoted() throws(Fault) {
    word = word ?? String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "'" { return }
      append(scalar)
    }
    throw Fault(text: "a ' is not closed")
  }

  /// A backslash quotes only what would mean something else between the quotes.
  private mutating func takeDoubleQuoted() throws(Fault) {
    word = word ?? String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" { return }
      if scalar == "\\", let next = rest.first, ["$", "`", "\"", "\\"].contains(next) {
        append(rest.removeFirst())
      } else {
        append(scalar)
      }
    }
    throw Fault(text: "a \" is not closed")
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    if word == nil { word = String.UnicodeScalarView() }
    word!.append(scalar)
  }

  private mutating func endWord() {
    if let word { words.append(String(word)) }
    word = nil
  }
}
