import Platform

/// Help texts, made from the table.
enum Help {
  private static let lineWidth = 100

  static var program: String {
    """
    jobctl runs commands on a host with jobd.

    Usage: jobctl COMMAND [OPTION...] [ARGUMENT...]

    Commands:
    \(list(CommandTable.all))
    "jobctl COMMAND --help" explains each, with examples; "jobctl --version" prints the version.

    Exit status: that of the job for run and wait; else
    \(statuses)

    """
  }

  static var statuses: String {
    ExitCode.allCases.map { "  \(Text.pad("\($0.rawValue)", 3))  \($0.meaning)" }.joined(separator: "\n")
  }

  /// Of the commands that begin with one word; nil when that is no group, or a command by itself.
  static func group(_ word: String) -> String? {
    guard let summary = CommandTable.groups[word], CommandTable.find(word) == nil else { return nil }
    return "\(summary)\n\nUsage: jobctl \(word) COMMAND [OPTION...]\n\nCommands:\n"
      + list(CommandTable.group(word))
  }

  static func command(_ command: Command) -> String {
    var text = "\(command.summary)\n\nUsage: jobctl \(command.name)"
    if !command.allOptions.isEmpty { text += " [OPTION...]" }
    if !command.operands.usage.isEmpty { text += " \(command.operands.usage)" }
    text += "\n"
    if !command.details.isEmpty {
      text += "\n" + TextWrap.lines(command.details, width: lineWidth).joined(separator: "\n") + "\n"
    }
    let others = CommandTable.group(command.name).dropFirst()
    if !others.isEmpty { text += "\nCommands:\n" + list(Array(others)) }
    if !command.options.isEmpty { text += "\nOptions:\n" + options(command.options) }
    if command.connects { text += "\nConnection:\n" + options(command.connection) }
    text += "\nExamples:\n"
    for example in command.examples { text += "  \(example.line)\n      \(example.meaning)\n" }
    return text
  }

  private static func list(_ commands: [Command]) -> String {
    columns(commands.map { ($0.name, $0.summary) })
  }

  private static func options(_ options: [Option]) -> String {
    columns(options.map { (flag($0), $0.explanation) })
  }

  private static func columns(_ rows: [(String, String)]) -> String {
    let width = min(28, rows.map(\.0.count).max() ?? 0)
    let indent = "\n" + String(repeating: " ", count: width + 4)
    return rows.map { name, meaning in
      let lines = TextWrap.lines(meaning, width: lineWidth - width - 4).joined(separator: indent)
      return "  \(Text.pad(name, width))\(name.count > width ? indent : "  ")\(lines)\n"
    }.joined()
  }

  private static func flag(_ option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? "    "
    return "\(short)--\(option.name)\(option.value.map { " \($0.placeholder)" } ?? "")"
  }
}
