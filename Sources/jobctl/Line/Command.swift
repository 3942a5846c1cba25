/// A command as the table describes it: what is parsed, explained, completed and put into the manual.
struct Command: Sendable {
  let name, summary, details: String
  let operands: Operands
  /// Whether it talks to the daemon, and so has the options of a connection.
  let connects: Bool
  let examples: [(line: String, meaning: String)]
  let run: @Sendable (Invocation) throws -> Int32
  // Made when they are asked for: a line has one command, and the table all of them.
  private let makeOptions: @Sendable () -> [Option]

  init(
    name: String, summary: String, operands: Operands = .none,
    options: @autoclosure @escaping @Sendable () -> [Option] = [], connects: Bool = true,
    details: String = "",
    examples: [(line: String, meaning: String)], run: @escaping @Sendable (Invocation) throws -> Int32
  ) {
    (self.name, self.summary, self.details) = (name, summary, details)
    (self.operands, makeOptions, self.connects) = (operands, options, connects)
    (self.examples, self.run) = (examples, run)
  }

  var options: [Option] { makeOptions() }
  var allOptions: [Option] { options + connection }
  /// The options of a connection, but those whose names are its own.
  var connection: [Option] {
    guard connects else { return [] }
    let own = Set(options.map(\.name))
    return Option.connection.filter { !own.contains($0.name) }
  }
}

/// What follows a command's options.
struct Operands: Sendable {
  enum Kind: Equatable, Sendable {
    case none, jobs, signalAndJobs
    /// A file's name, or nothing.
    case file
    /// A program and its arguments: what follows it is the program's.
    case command
    case word
    /// A word and a file's name.
    case wordAndFile
    case words([String])
  }

  let kind: Kind
  private let name: String
  let count: ClosedRange<Int>

  private init(_ kind: Kind, _ name: String, _ count: ClosedRange<Int>) {
    (self.kind, self.name, self.count) = (kind, name, count)
  }

  /// As the usage shows it.
  var usage: String { if case .words(let words) = kind { words.joined(separator: "|") } else { name } }

  static let none = Operands(.none, "", 0...0)
  static let job = Operands(.jobs, "ID", 1...1)
  static let jobs = Operands(.jobs, "ID...", 1...Int.max)
  /// Or none when an option stands for them.
  static let optionalJobs = Operands(.jobs, "[ID...]", 0...Int.max)
  static let signalAndJobs = Operands(.signalAndJobs, "SIGNAL ID...", 2...Int.max)
  static let command = Operands(.command, "COMMAND [ARGUMENT...]", 1...Int.max)
  static let optionalFile = Operands(.file, "[FILE]", 0...1)
  /// One word, called so in the usage.
  static func word(_ name: String) -> Operands { Operands(.word, name, 1...1) }
  static func wordAndFile(_ names: String) -> Operands { Operands(.wordAndFile, names, 2...2) }
  static func oneOf(_ words: [String]) -> Operands { Operands(.words(words), "", 1...1) }
}
