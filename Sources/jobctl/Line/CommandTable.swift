import Platform

/// All commands of jobctl.
enum CommandTable {
  static let all: [Command] = [
    .run, .start, .attach, .batch, .ps, .top, .status, .why, .wait, .logs, .output, .inspect, .events,
    .signal, .stop,
    .rm,
    .delete,
    .runners, .config, .configSet, .configUse, .configRemove, .caInit, .caServer, .caClient, .caSign,
    .caList, .caRenew, .caRevoke, .completion, .manual,
  ]

  /// Words that begin the names of several commands, and what those are for.
  static let groups = [
    "ca": "Makes, renews and revokes certificates.", "config": "Shows and changes profiles of settings.",
  ]

  /// The command a line begins with, and the rest of the line.
  static func match(_ line: [String]) throws(UsageError) -> (Command, [String]) {
    for length in [2, 1] where line.count >= length {
      if let command = find(line.prefix(length).joined(separator: " ")) {
        return (command, Array(line.dropFirst(length)))
      }
    }
    throw unknown(line)
  }

  static func find(_ name: String) -> Command? { all.first { $0.name == name } }

  /// The commands whose names begin with a word.
  static func group(_ word: String) -> [Command] {
    groups[word] == nil ? [] : all.filter { $0.name == word || $0.name.hasPrefix(word + " ") }
  }

  static func unknown(_ line: [String]) -> UsageError {
    let word = line[0]
    guard !word.hasPrefix("-") else {
      let own = Suggestion.text(for: word, among: ["--help", "--version"])
      return UsageError("options follow the command: jobctl COMMAND \(word)\(own)")
    }
    let names = group(word).map { String($0.name.dropFirst(word.count + 1)) }
    if !names.isEmpty { return unknownInGroup(word, line.dropFirst().first, names) }
    if let own = OtherWords.meaning(of: word) { return UsageError("there is no command \"\(word)\"; \(own)") }
    let words = all.map { String($0.name.prefix { $0 != " " }) }
    return UsageError("there is no command \"\(word)\"\(Suggestion.text(for: word, among: words))")
  }

  private static func unknownInGroup(_ group: String, _ word: String?, _ names: [String]) -> UsageError {
    guard let word, !word.hasPrefix("-") else {
      return UsageError("\"\(group)\" needs one of: \(names.joined(separator: ", "))", command: group)
    }
    return UsageError(
      "there is no command \"\(group) \(word)\"; \"\(group)\" is followed by \(names.alternatives)"
        + Suggestion.text(for: word, among: names), command: group)
  }
}
