import JobAPI
import Platform

/// An option of a command.
struct Option: Sendable {
  let name: String
  let short: Character?
  /// Nil: it is given or not.
  let value: (any AnyOptionValue)?
  let explanation: String
  /// It may be given several times.
  let isRepeated: Bool

  init(_ name: String, short: Character? = nil, _ explanation: String) {
    (self.name, self.short, self.explanation) = (name, short, explanation)
    (value, isRepeated) = (nil, false)
  }

  init<Value>(
    _ name: String, short: Character? = nil, _ value: OptionValue<Value>, isRepeated: Bool = false,
    _ explanation: String
  ) {
    (self.name, self.short, self.explanation) = (name, short, explanation)
    (self.value, self.isRepeated) = (value, isRepeated)
  }

  /// How it may be written.
  var spellings: [String] { ["--\(name)"] + (short.map { ["-\($0)"] } ?? []) }

  static let json = output("How to print; json is for scripts.")

  static func output(_ explanation: String, _ words: [String] = ["text", "json"]) -> Option {
    Option("output", short: "o", .oneOf(words), explanation)
  }

  static let connection = [
    Option(
      "server", .text("HOST[:PORT]"),
      "Where jobd is (JOBCTL_SERVER): 127.0.0.1:7443, or port 7443 if not given."),
    Option("ca", .file, "The authority the server must be of (JOBCTL_CA)."),
    Option("cert", .file, "This client's certificate (JOBCTL_CERT)."),
    Option("key", .file, "The key of that certificate (JOBCTL_KEY)."),
    Option(
      "server-name", .text("NAME"),
      "The name in the server's certificate, if it is not the host's (JOBCTL_SERVER_NAME)."),
    Option(
      "proxy", .text("URL"),
      "The HTTP proxy to go through (JOBCTL_PROXY), http://[USER:PASSWORD@]HOST[:PORT]; else HTTPS_PROXY, with NO_PROXY."
    ),
    Option("profile", .text("NAME"), "The profile of \"jobctl config\" to use (JOBCTL_PROFILE)."),
    Option(
      "reply-timeout", .duration(),
      "How long the server may be silent (JOBCTL_REPLY_TIMEOUT); 60s if not given."),
    Option(
      "sessions", .oneOf(["keep", "off"]),
      "off: keeps no TLS session in XDG_RUNTIME_DIR for the next command (JOBCTL_SESSIONS)."),
  ]
}

/// What is known of any option's value.
protocol AnyOptionValue: Sendable {
  var kind: OptionKind { get }
  var placeholder: String { get }
  /// What it must be, when `text` is not.
  func demand(of text: String) -> String?
}

extension OptionValue: AnyOptionValue {
  /// `+5` is no number: with others' options for lines it would be the line to begin with.
  func demand(of text: String) -> String? {
    parse(text) == nil || kind == .literal && text.hasPrefix("+") ? allowed : nil
  }
}

extension OptionValue<String> {
  static var file: Self { text("FILE", .file) }
  static var directory: Self { text("DIRECTORY", .directory) }

  static func text(_ placeholder: String, _ kind: OptionKind = .text) -> Self {
    Self(kind, placeholder, "not empty") { $0.isEmpty ? nil : $0 }
  }

  /// A point in time, or a duration back from now.
  static var time: Self {
    Self(.text, "TIME", TimeText.allowed) { text in
      TimeText.microseconds(text) == nil && DurationText(text) == nil ? nil : text
    }
  }

  /// Without a value it is that of jobctl's own environment.
  static var variable: Self {
    Self(.text, "NAME[=VALUE]", "NAME=VALUE, or the NAME of a variable to pass on") { text in
      text.isEmpty || text.hasPrefix("=") ? nil : text
    }
  }

  /// `beginnings`: what a shell offers for it.
  static func pair(_ placeholder: String = "NAME=VALUE", beginnings: [String] = []) -> Self {
    Self(beginnings.isEmpty ? .text : .beginnings(beginnings), placeholder, placeholder) { text in
      text.hasPrefix("=") || !text.contains("=") ? nil : text
    }
  }
}
