/// The completion for fish: one line for each command and option of the table.
enum FishCompletion {
  static var text: String {
    let lines = CommandTable.all.flatMap { command in
      command.allOptions.map { option($0, of: command) } + operands(command)
    }
    return """
      # fish completion for jobctl
      function __jobctl_is
          set -l words (commandline -opc)
          set -l command $words[2]
          if contains -- "$words[2] $words[3]" \(doubleNames)
              set command "$words[2] $words[3]"
          end
          test "$command" = "$argv[1]"
      end
      function __jobctl_jobs
          \(Completion.jobs)
      end
      complete -c jobctl -f
      complete -c jobctl -l help -s h -d 'Explains the command.'
      \(Completion.firstWords.map { word($0, after: "") }.joined(separator: "\n"))
      \(Completion.groups.flatMap { group in Completion.secondWords(group).map { word($0, after: group) } }
        .joined(separator: "\n"))
      \(lines.joined(separator: "\n"))

      """
  }

  private static var doubleNames: String {
    CommandTable.all.filter { $0.name.contains(" ") }.map { "'\($0.name)'" }.joined(separator: " ")
  }

  private static func word(_ word: (word: String, meaning: String), after: String) -> String {
    "complete -c jobctl -n \"__jobctl_is '\(after)'\" -a \(word.word) -d '\(quoted(word.meaning))'"
  }

  private static func option(_ option: Option, of command: Command) -> String {
    let short = option.short.map { " -s \($0)" } ?? ""
    return
      "\(condition(command)) -l \(option.name)\(short)\(value(option)) -d '\(quoted(option.explanation))'"
  }

  private static func value(_ option: Option) -> String {
    switch option.value?.kind {
    case nil: ""
    case .file: " -rF"
    case .directory: " -xa '(__fish_complete_directories)'"
    case .words(let words), .beginnings(let words): " -xa '\(words.joined(separator: " "))'"
    case .text, .list, .literal: " -x"
    }
  }

  private static func operands(_ command: Command) -> [String] {
    switch command.operands.kind {
    case .none, .word: []
    case .jobs: ["\(condition(command)) -a '(__jobctl_jobs)'"]
    case .signalAndJobs: ["\(condition(command)) -a '\(Completion.signals) (__jobctl_jobs)'"]
    case .command, .wordAndFile, .file: ["\(condition(command)) -F"]
    case .words(let words): ["\(condition(command)) -a '\(words.joined(separator: " "))'"]
    }
  }

  private static func condition(_ command: Command) -> String {
    "complete -c jobctl -n \"__jobctl_is '\(command.name)'\""
  }

  private static func quoted(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
  }
}
