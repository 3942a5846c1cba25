import JobAPI

/// An option of a command.
struct Option: Sendable {
  let name: String
  var short: Character?
  /// Nil: it is given or not.
  var value: OptionValue?
  let explanation: String
  /// It may be given several times.
  var isRepeated = false

  init(_ name: String, short: Character? = nil, _ explanation: String) {
    (self.name, self.short, self.explanation) = (name, short, explanation)
  }

  init(
    _ name: String, short: Character? = nil, _ value: OptionValue, isRepeated: Bool = false,
    _ explanation: String
  ) {
    self.init(name, short: short, explanation)
    (self.value, self.isRepeated) = (value, isRepeated)
  }

  static let json = Option(
    "output", short: "o", .oneOf(["text", "json"]), "How to print; json is for scripts.")

  static let connection = [
    Option("server", .text("HOST:PORT"), "Where jobd is (JOBCTL_SERVER)."),
    Option("ca", .file, "The authority the server must be of (JOBCTL_CA)."),
    Option("cert", .file, "This client's certificate (JOBCTL_CERT)."),
    Option("key", .file, "The key of that certificate (JOBCTL_KEY)."),
    Option(
      "server-name", .text("NAME"),
      "The name in the server's certificate, if it is not the host's (JOBCTL_SERVER_NAME)."),
    Option("profile", .text("NAME"), "The profile of \"jobctl config\" to use (JOBCTL_PROFILE)."),
    Option(
      "reply-timeout", .duration,
      "How long the server may be silent (JOBCTL_REPLY_TIMEOUT); 60s if not given."),
  ]
}

/// What an option's value must be.
enum OptionValue: Sendable, Equatable {
  /// Anything, called so in the help.
  case text(String)
  case file
  case directory
  case oneOf([String])
  /// ``DurationText``.
  case duration
  /// A point in time, or a duration back from now.
  case time
  /// A whole number from `least` to `most`, called so in the help.
  case number(String, least: Int64, most: Int64 = .max)
  /// ``SizeText``.
  case size
  /// NAME=VALUE; `beginnings`: what a shell offers for it.
  case pair(beginnings: [String] = [])

  /// As the help shows it.
  var placeholder: String {
    switch self {
    case .text(let name), .number(let name, _, _): name
    case .file: "FILE"
    case .directory: "DIRECTORY"
    case .oneOf(let words): words.joined(separator: "|")
    case .duration, .time: "TIME"
    case .size: "SIZE"
    case .pair: "NAME=VALUE"
    }
  }

  /// What it must be, when `text` is not.
  func demand(of text: String) -> String? {
    switch self {
    case .text, .file, .directory: return text.isEmpty ? "not empty" : nil
    case .oneOf(let words): return words.contains(text) ? nil : Self.list(words)
    case .duration: return DurationText(text) == nil ? DurationText.allowed : nil
    case .time:
      return TimeText.microseconds(text) == nil && DurationText(text) == nil ? TimeText.allowed : nil
    case .number(_, let least, let most):
      let isRight = Int64(text).map { (least...most).contains($0) && !text.hasPrefix("+") } == true
      return isRight ? nil : "a whole number from \(least)" + (most == .max ? "" : " to \(most)")
    case .size:
      let isRight = SizeText.parse(text).map { $0 <= Self.mostBytes } == true
      return isRight ? nil : "\(SizeText.allowed), up to \(SizeText.print(Self.mostBytes))"
    case .pair: return text.hasPrefix("=") || !text.contains("=") ? "NAME=VALUE" : nil
    }
  }

  /// As the daemon's own options.
  private static let mostBytes = 1 << 50

  static func list(_ words: [String]) -> String {
    words.dropLast().joined(separator: ", ") + (words.count > 1 ? " or " : "") + words.last!
  }
}
