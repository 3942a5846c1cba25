/// A command as the table describes it: what is parsed, explained, completed and put into the manual.
struct Command: Sendable {
  let name: String
  let summary: String
  var operands = Operands.none
  var options: [Option] = []
  /// Whether it talks to the daemon, and so has the options of a connection.
  var connects = true
  var details = ""
  let examples: [(line: String, meaning: String)]
  let run: @Sendable (Invocation) throws -> Int32

  var allOptions: [Option] { options + (connects ? Option.connection : []) }
}

/// What follows a command's options.
struct Operands: Sendable {
  enum Kind: Equatable, Sendable {
    case none, jobs, signalAndJobs
    /// A program and its arguments: what follows it is the program's.
    case command
    case word
    case words([String])
  }

  let kind: Kind
  /// As the usage shows it.
  let usage: String
  let count: ClosedRange<Int>

  private init(_ kind: Kind, _ usage: String, _ count: ClosedRange<Int>) {
    (self.kind, self.usage, self.count) = (kind, usage, count)
  }

  static let none = Operands(.none, "", 0...0)
  static let job = Operands(.jobs, "ID", 1...1)
  static let jobs = Operands(.jobs, "ID...", 1...Int.max)
  /// Or none when an option stands for them.
  static let optionalJobs = Operands(.jobs, "[ID...]", 0...Int.max)
  static let signalAndJobs = Operands(.signalAndJobs, "SIGNAL ID...", 2...Int.max)
  static let command = Operands(.command, "COMMAND [ARGUMENT...]", 1...Int.max)
  /// One word, called so in the usage.
  static func word(_ name: String) -> Operands { Operands(.word, name, 1...1) }
  static func oneOf(_ words: [String]) -> Operands {
    Operands(.words(words), words.joined(separator: "|"), 1...1)
  }
}
