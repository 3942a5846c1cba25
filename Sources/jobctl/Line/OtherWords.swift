/// What commands of docker, kubectl and systemctl, and other likely words, are called here.
enum OtherWords {
  private static let words: [(of: [String], here: [String])] = [
    (["kill"], ["signal KILL ID", "stop --grace 0s ID"]),
    (["exec", "submit", "create", "spawn"], ["run COMMAND", "start COMMAND"]),
    (["parallel", "xargs", "foreach", "map"], ["batch"]),
    (["list", "ls", "jobs", "get", "list-units", "queue"], ["ps"]), (["watch"], ["ps --watch"]),
    (["stats"], ["top"]), (["explain", "reason"], ["why ID"]),
    (["cancel", "terminate", "abort", "end"], ["stop ID"]), (["log", "tail", "journal"], ["logs ID"]),
    (["follow"], ["logs --follow ID"]), (["cat"], ["output ID"]),
    (["show", "describe", "info"], ["inspect ID"]), (["is-active", "state"], ["status ID"]),
    (["remove", "del"], ["rm ID", "delete ID"]), (["prune", "clean"], ["rm --all-finished"]),
    (["context", "profile", "login"], ["config"]), (["version"], ["--version"]),
  ]

  /// Nil for a word that is none of them.
  static func meaning(of word: String) -> String? {
    let here = words.first { $0.of.contains(word) }?.here
    return here.map { "did you mean \($0.map { "\"jobctl \($0)\"" }.joined(separator: " or "))?" }
  }
}
