import JobAPI

/// What the completions of all shells are made of.
enum Completion {
  /// Prints the ids that may be meant, one a line: what tables show of them, their last group. They begin alike. Nobody
  /// wants to be asked for a passphrase in the middle of a line.
  static let jobs = "JOBCTL_PROMPT=off jobctl ps --all --quiet --limit 200 2>/dev/null | sed 's/.*-//'"

  static var signals: String { SignalName.all.joined(separator: " ") }

  /// The words a command line may begin with, and what they mean.
  static var firstWords: [(word: String, meaning: String)] {
    let single = CommandTable.all.filter { !$0.name.contains(" ") && CommandTable.groups[$0.name] == nil }
    return single.map { ($0.name, $0.summary) }
      + CommandTable.groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The words that may follow one of those.
  static func secondWords(_ word: String) -> [(word: String, meaning: String)] {
    CommandTable.group(word).filter { $0.name != word }.map {
      (String($0.name.dropFirst(word.count + 1)), $0.summary)
    }
  }

  static var groups: [String] { CommandTable.groups.keys.sorted() }
}
