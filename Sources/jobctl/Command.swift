/// A command as the table describes it: what is parsed, explained, completed and put into the manual.
struct Command: Sendable {
  let name: String
  let summary: String
  /// What follows the options, such as `ID...`; empty: nothing.
  var arguments = ""
  /// How many of those there may be.
  var count: ClosedRange<Int> = 0...0
  var options: [Option] = []
  /// Whether it talks to the daemon, and so has the options of a connection.
  var connects = true
  var details = ""
  let examples: [(line: String, meaning: String)]
  let run: @Sendable (Invocation) throws -> Int32

  var allOptions: [Option] { options + (connects ? Option.connection : []) }
}

/// A flag of a command.
struct Option: Sendable {
  let name: String
  var short: Character?
  /// Stands for its value; nil: it has none.
  var value: String?
  let explanation: String
  /// It may be given several times.
  var isRepeated = false

  init(
    _ name: String, short: Character? = nil, value: String? = nil, isRepeated: Bool = false,
    _ explanation: String
  ) {
    self.name = name
    self.short = short
    self.value = value
    self.isRepeated = isRepeated
    self.explanation = explanation
  }

  static let json = Option("output", short: "o", value: "FORMAT", "How to print: text, or json for scripts.")

  static let connection = [
    Option("server", value: "HOST:PORT", "Where jobd is (JOBCTL_SERVER)."),
    Option("ca", value: "FILE", "The authority the server must be of (JOBCTL_CA)."),
    Option("cert", value: "FILE", "This client's certificate (JOBCTL_CERT)."),
    Option("key", value: "FILE", "The key of that certificate (JOBCTL_KEY)."),
    Option(
      "server-name", value: "NAME",
      "The name in the server's certificate, if not the host (JOBCTL_SERVER_NAME)."),
    Option("profile", value: "NAME", "The profile of \"jobctl config\" to use (JOBCTL_PROFILE)."),
    Option("reply-timeout", value: "TIME", "How long the server may be silent (JOBCTL_REPLY_TIMEOUT); 60s."),
  ]
}

/// A command line taken apart by a command's description.
struct Invocation {
  let command: Command
  private var values: [String: [String]] = [:]
  private(set) var arguments: [String] = []

  init(_ command: Command, _ line: [String]) throws(UsageError) {
    self.command = command
    var rest = line[...]
    while let word = rest.popFirst() {
      if word == "--" {
        arguments += rest
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        arguments.append(word)
        // What follows a job's command is the job's.
        if command.takesCommand { arguments += rest }
        if command.takesCommand { break }
        continue
      }
      try take(word, &rest)
    }
    guard command.count.contains(arguments.count) else { throw wrongCount }
  }

  private mutating func take(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let option = command.allOptions.first(where: { $0.matches(parts[0]) }) else {
      throw UsageError("there is no option \(parts[0])", command: command.name)
    }
    var value = ""
    if option.value != nil {
      guard let given = parts.count > 1 ? parts[1] : rest.popFirst() else {
        throw UsageError("\(parts[0]) needs a value: \(option.value!)", command: command.name)
      }
      value = given
    } else if parts.count > 1 {
      throw UsageError("\(parts[0]) takes no value", command: command.name)
    }
    guard option.isRepeated || values[option.name] == nil else {
      throw UsageError("\(parts[0]) is given twice", command: command.name)
    }
    values[option.name, default: []].append(value)
  }

  private var wrongCount: UsageError {
    guard command.count.upperBound > 0 else {
      return UsageError("unexpected argument \"\(arguments[0])\"", command: command.name)
    }
    return UsageError("expected \(command.arguments)", command: command.name)
  }

  func has(_ option: String) -> Bool { values[option] != nil }
  func value(_ option: String) -> String? { values[option]?.last }
  func all(_ option: String) -> [String] { values[option] ?? [] }

  /// Whether to print JSON.
  func wantsJSON() throws(UsageError) -> Bool {
    switch value("output") {
    case nil, "text": return false
    case "json": return true
    case let other?: throw UsageError("--output \(other) must be text or json", command: command.name)
    }
  }

  func usage(_ text: String) -> UsageError { UsageError(text, command: command.name) }
}

extension Option {
  fileprivate func matches(_ word: String) -> Bool {
    word == "--\(name)" || (short.map { word == "-\($0)" } ?? false)
  }
}

extension Command {
  /// Its arguments are a job's command: options end where they begin.
  var takesCommand: Bool { arguments.hasPrefix("COMMAND") }
}
