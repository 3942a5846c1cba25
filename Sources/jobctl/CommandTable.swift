/// All commands of jobctl.
enum CommandTable {
  static let all: [Command] = [
    .run, .start, .ps, .status, .wait, .logs, .output, .inspect, .events, .signal, .stop, .rm, .delete,
    .config,
    .caInit, .caServer, .caClient, .completion, .manual,
  ]

  /// The command a line begins with, and the rest of the line.
  static func match(_ line: [String]) throws(UsageError) -> (Command, [String]) {
    for length in [2, 1] where line.count >= length {
      let name = line.prefix(length).joined(separator: " ")
      if let command = all.first(where: { $0.name == name }) {
        return (command, Array(line.dropFirst(length)))
      }
    }
    throw unknown(line[0], line.count > 1 ? line[1] : nil)
  }

  /// Nil for an empty name.
  static func find(_ name: String) throws(UsageError) -> Command? {
    if name.isEmpty { return nil }
    guard let command = all.first(where: { $0.name == name }) else { throw unknown(name, nil) }
    return command
  }

  private static func unknown(_ word: String, _ next: String?) -> UsageError {
    let group = all.filter { $0.name.hasPrefix(word + " ") }.map { String($0.name.dropFirst(word.count + 1)) }
    guard group.isEmpty else {
      return UsageError("\"\(word)\" needs one of: \(group.joined(separator: ", "))")
    }
    return UsageError("there is no command \"\(word)\"; known are \(all.map(\.name).joined(separator: ", "))")
  }
}
