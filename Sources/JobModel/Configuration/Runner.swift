import JobAPI
import Platform

/// A command that the operator named, and that a creation may ask for: it is launched as the job's process, with the job's
/// own command behind it. What each member means is said in the manual, under "RUNNERS".
package struct Runner: Sendable, Codable, Equatable {
  package enum Enforcer: String, CaseIterable, Sendable, Codable {
    /// This daemon, by the job's cgroup.
    case local
    /// The runner, as its command says.
    case runner
  }

  package let name: String
  package private(set) var command = CommandTemplate()
  /// More words of it, of a job with a terminal.
  package private(set) var terminal = CommandTemplate()
  /// Without words: there is none.
  package private(set) var signal = CommandTemplate()
  package private(set) var cleanup = CommandTemplate()
  package private(set) var cleaned = CommandTemplate()
  package private(set) var limits = Enforcer.local
  /// Exit codes by which it says that it could not start the job.
  package private(set) var failureCodes: [Int32] = []
  package private(set) var environment: [String: String] = [:]
  /// Names, and patterns of names, of the secrets of jobs that it has in its own environment.
  package private(set) var secrets: [String] = []

  /// What having no runner is called.
  package static let none = "none"

  static let members = [
    "command", "terminal", "signal", "cleanup", "cleaned", "limits", "failure_codes", "environment",
    "secrets",
  ]

  private static let ofCommand = CommandTemplate.Placeholder.allCases.filter { $0 != .signal }
  private static let ofOthers: [CommandTemplate.Placeholder] = [.id, .client, .user, .group]

  /// `place`: where it is written, for errors.
  init(
    _ name: String, _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) {
    self.name = name
    guard CreateRequest.isRunnerName(name), name != Self.none, name != ClientSettings.all else {
      throw ConfigurationError(
        "\(place): a runner's name must be \(CreateRequest.allowed("runner")), but not \"none\" or \"all\"")
    }
    guard case .object(let members) = value else {
      throw ConfigurationError("\(place) must be an object: { command: [\"program\", ...], ... }")
    }
    for (member, value) in members.sorted(by: { $0.key < $1.key }) {
      try set(member, value, "\(place): \(member)", place)
    }
    try check(place)
  }

  private mutating func set(
    _ member: String, _ value: ConfigurationFile.Value, _ place: String, _ whole: String
  ) throws(ConfigurationError) {
    switch member {
    case "command": command = try CommandTemplate(value, place, Self.ofCommand)
    case "terminal": terminal = try CommandTemplate(value, place, [])
    case "signal": signal = try CommandTemplate(value, place, Self.ofOthers + [.signal])
    case "cleanup": cleanup = try CommandTemplate(value, place, Self.ofOthers)
    case "cleaned": cleaned = try CommandTemplate(value, place, Self.ofOthers)
    case "limits": limits = try Self.enforcer(value, place)
    case "failure_codes": failureCodes = try Self.codes(value, place)
    case "environment": environment = try Self.environment(value, place)
    case "secrets": secrets = try Self.secrets(value, place)
    default:
      let near = NearName.find(member, among: Self.members, most: 3)
      throw ConfigurationError(
        "\(whole): there is no member \"\(member)\"\(near.map { ", did you mean \($0)?" } ?? "")")
    }
  }

  private func check(_ place: String) throws(ConfigurationError) {
    guard !command.isEmpty else {
      throw ConfigurationError("\(place) has no command: { command: [\"program\", ...], ... }")
    }
    guard cleaned.isEmpty || !cleanup.isEmpty else {
      throw ConfigurationError("\(place): cleaned says what cleanup has done, and there is no cleanup")
    }
    if let (name, pattern) = unsafeSecret {
      throw ConfigurationError(
        "\(place): secrets: \"\(pattern)\" stands for \(name) too, which is the runner's: with it a client could have "
          + "its own code run in the runner's place")
    }
    let twice = limits == .local ? Self.ofLimits.flatMap(\.placeholders).first(where: command.has) : nil
    if let twice {
      throw ConfigurationError(
        "\(place): {\(twice.rawValue)} is for limits: \"runner\"; those of \"local\" are enforced by jobd")
    }
  }

  private static func enforcer(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> Enforcer {
    guard case .text(let text) = value, let enforcer = Enforcer(rawValue: text) else {
      throw ConfigurationError("\(place) must be \"local\" or \"runner\"")
    }
    return enforcer
  }

  private static func codes(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> [Int32] {
    let wrong = ConfigurationError("\(place) must be an array of exit codes from 1 to 255")
    guard case .list(let elements) = value else { throw wrong }
    return try elements.map { (element) throws(ConfigurationError) in
      guard case .text(let text) = element, let code = Int32(text), (1...255).contains(code) else {
        throw wrong
      }
      return code
    }
  }

  private static func secrets(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> [String] {
    let wrong = ConfigurationError(
      "\(place) must be an array of names, in which * stands for any text, such as [\"API_TOKEN\", \"AWS_*\"]"
    )
    guard case .list(let elements) = value else { throw wrong }
    return try elements.map { (element) throws(ConfigurationError) in
      guard case .text(let text) = element, !text.isEmpty,
        !text.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") })
      else { throw wrong }
      return text
    }
  }

  private static func environment(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> [String: String] {
    guard case .object(let members) = value else {
      throw ConfigurationError("\(place) must be an object: { NAME: \"value\", ... }")
    }
    var environment: [String: String] = [:]
    for (name, value) in members {
      let text = try value.text("\(place): \(name)")
      guard !name.isEmpty, !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }),
        !text.utf8.contains(0), name != JobEnvironment.marker
      else { throw ConfigurationError("\(place): \"\(name)\" cannot be set") }
      environment[name] = text
    }
    return environment
  }
}

extension Runner {
  package func takesSecret(_ name: String) -> Bool { secrets.contains { NamePattern($0).matches(name) } }

  /// Of the variables that make of a program what they say, some for the loader and the shell.
  private static let ofPrograms = [
    "PATH", "HOME", "SHELL", "BASH_ENV", "ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES",
  ]

  /// One that it would take as a secret, and by what.
  private var unsafeSecret: (name: String, pattern: String)? {
    for name in Self.ofPrograms + [JobEnvironment.marker] + environment.keys.sorted() {
      if let pattern = secrets.first(where: { NamePattern($0).matches(name) }) { return (name, pattern) }
    }
    return nil
  }

  private typealias Limit = (name: String, placeholders: [CommandTemplate.Placeholder])
  private static let ofLimits: [Limit] = [
    ("cpus", [.cpus, .cpusExact]), ("memory", [.memoryMiB, .memoryBytes]), ("processes", [.processes]),
  ]

  /// The limits that jobs can have in it. `local`: those that this host can enforce.
  package func limitNames(local: [String]) -> [String] {
    switch limits {
    case .local: local
    case .runner:
      Self.ofLimits.filter { $0.placeholders.contains(where: command.has) }.map(\.name)
    }
  }

  /// What its members are in a configuration file, by name; those that are not set are not there.
  var texts: [(name: String, value: String)] {
    let templates = [
      ("command", command), ("terminal", terminal), ("signal", signal), ("cleanup", cleanup),
      ("cleaned", cleaned),
    ]
    var texts = templates.filter { !$0.1.isEmpty }.map { (name: $0.0, value: $0.1.text) }
    texts.append(("limits", limits.rawValue.quoted))
    if !failureCodes.isEmpty {
      texts.append(("failure_codes", "[\(failureCodes.map { "\($0)" }.joined(separator: ", "))]"))
    }
    if !environment.isEmpty {
      let members = environment.sorted { $0.key < $1.key }.map {
        "\($0.key.quoted): \($0.value.quoted)"
      }
      texts.append(("environment", "{ \(members.joined(separator: ", ")) }"))
    }
    if !secrets.isEmpty {
      texts.append(("secrets", "[\(secrets.map(\.quoted).joined(separator: ", "))]"))
    }
    return texts
  }
}

extension CommandTemplate {
  /// As a configuration file has it.
  fileprivate var text: String {
    func list(_ words: [String]) -> String { "[\(words.joined(separator: ", "))]" }
    return list(
      groups.map { group in
        let words = group.words.map(\.quoted)
        return group.isNested ? list(words) : words[0]
      })
  }
}
