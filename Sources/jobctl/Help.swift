/// Help texts, made from the table.
enum Help {
  static var program: String {
    let width = CommandTable.all.map(\.name.count).max() ?? 0
    let lines = CommandTable.all.map { "  \(pad($0.name, width))  \($0.summary)" }
    return """
      jobctl runs commands on a host with jobd.

      Usage: jobctl COMMAND [OPTION...] [ARGUMENT...]

      Commands:
      \(lines.joined(separator: "\n"))

      "jobctl COMMAND --help" explains each, with examples. Exit status: that of the job for run; else
      \(statuses)

      """
  }

  static var statuses: String {
    ExitStatus.allCases.map { "  \(pad("\($0.rawValue)", 3))  \($0.meaning)" }.joined(separator: "\n")
  }

  static func command(_ command: Command) -> String {
    var text = "\(command.summary)\n\nUsage: jobctl \(command.name)"
    if !command.allOptions.isEmpty { text += " [OPTION...]" }
    if !command.arguments.isEmpty { text += " \(command.arguments)" }
    text += "\n"
    if !command.details.isEmpty { text += "\n\(command.details)\n" }
    if !command.options.isEmpty { text += "\nOptions:\n" + options(command.options) }
    if command.connects { text += "\nConnection:\n" + options(Option.connection) }
    text += "\nExamples:\n"
    for example in command.examples { text += "  \(example.line)\n      \(example.meaning)\n" }
    return text
  }

  private static func options(_ options: [Option]) -> String {
    let flags = options.map(flag)
    let width = flags.map(\.count).max() ?? 0
    return zip(flags, options).map { "  \(pad($0, width))  \($1.explanation)\n" }.joined()
  }

  private static func flag(_ option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? "    "
    return "\(short)--\(option.name)\(option.value.map { " \($0)" } ?? "")"
  }

  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
