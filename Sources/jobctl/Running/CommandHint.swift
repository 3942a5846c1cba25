import JobAPI

/// What is likely meant by a command that is not found: a whole line for a shell, given as one word.
enum CommandHint {
  /// `words`: the job's command and its arguments.
  static func text(_ words: [String], _ status: StatusReply) -> String? {
    guard status.errorCode == .notFound, words.count == 1, let line = words.first else { return nil }
    if line.contains(where: { "|&;<>()$`*?~#={}".contains($0) }) {
      return "a line for a shell needs one: sh -c \(Text.quote(line))"
    }
    guard line.contains(where: \.isWhitespace) else { return nil }
    let parts = line.split(whereSeparator: \.isWhitespace).map { Text.quote(String($0)) }
    return "give the command and each argument as a word of its own: \(parts.joined(separator: " "))"
  }
}
