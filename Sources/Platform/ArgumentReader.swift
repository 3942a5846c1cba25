/// Takes a command line apart: `--name value`, `--name=value`, `-f`, several of these together as in `-ft`, `-o value`
/// and `-ovalue`. What an option is and whether it has a value is the caller's to know.
package struct ArgumentReader {
  package enum Argument {
    /// An option as it is spelled, without its value.
    case option(String)
    /// Any other word, `-` and `--` among them.
    case word(String)
  }

  private var rest: ArraySlice<String>
  /// Of the word that is being read: letters after the last option, and what follows `=`.
  private var letters: Substring = ""
  private var attached: String?
  /// The word that was begun last.
  package private(set) var word = ""

  package init(_ words: [String]) { rest = words[...] }

  package mutating func next() -> Argument? {
    attached = nil
    if let letter = letters.popFirst() { return .option("-\(letter)") }
    guard let word = rest.popFirst() else { return nil }
    self.word = word
    guard word.hasPrefix("-"), word != "-", word != "--" else { return .word(word) }
    if word.hasPrefix("--") {
      let (name, value) = word.halves(at: "=")
      attached = value
      return .option(name)
    }
    letters = word.dropFirst()
    return next()
  }

  /// The value of the option that was read last; nil: the line ends before it.
  package mutating func value() -> String? {
    defer { letters = "" }
    return attached ?? (letters.isEmpty ? rest.popFirst() : String(letters))
  }

  /// The last option has a value in its own word, whether it needs one or not.
  package var hasAttachedValue: Bool { attached != nil }

  /// All words that follow, as they are.
  package mutating func remaining() -> [String] {
    defer { rest = [] }
    return Array(rest)
  }
}

extension StringProtocol {
  /// What is before and what is after the first `separator`; nil: there is none.
  package func halves(at separator: Character) -> (String, String?) {
    guard let index = firstIndex(of: separator) else { return (String(self), nil) }
    return (String(self[..<index]), String(self[self.index(after: index)...]))
  }
}
