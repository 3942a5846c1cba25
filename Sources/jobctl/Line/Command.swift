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
enum Operands: Sendable, Equatable {
  case none
  case job
  case jobs
  /// Jobs, or none when an option stands for them.
  case optionalJobs
  case signalAndJobs
  /// A program and its arguments: what follows it is the program's.
  case command
  /// One word, called so in the usage.
  case word(String)
  case oneOf([String])

  /// As the usage shows it.
  var usage: String {
    switch self {
    case .none: ""
    case .job: "ID"
    case .jobs: "ID..."
    case .optionalJobs: "[ID...]"
    case .signalAndJobs: "SIGNAL ID..."
    case .command: "COMMAND [ARGUMENT...]"
    case .word(let name): name
    case .oneOf(let words): words.joined(separator: "|")
    }
  }

  var count: ClosedRange<Int> {
    switch self {
    case .none: 0...0
    case .job, .word, .oneOf: 1...1
    case .jobs, .command: 1...Int.max
    case .optionalJobs: 0...Int.max
    case .signalAndJobs: 2...Int.max
    }
  }
}
