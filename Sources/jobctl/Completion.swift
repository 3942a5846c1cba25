/// Completions, made from the table.
enum Completion {
  private static var names: String { CommandTable.all.map(\.name).joined(separator: " ") }
  private static var firstWords: String {
    var seen: [Substring] = []
    for command in CommandTable.all {
      let word = command.name.split(separator: " ")[0]
      if !seen.contains(word) { seen.append(word) }
    }
    return seen.joined(separator: " ")
  }
  private static func flags(_ command: Command) -> String {
    (command.allOptions.map { "--\($0.name)" } + ["--help"]).joined(separator: " ")
  }
  private static func secondWords(_ word: String) -> String {
    CommandTable.all.map(\.name).filter { $0.hasPrefix(word + " ") }.map {
      String($0.dropFirst(word.count + 1))
    }
    .joined(separator: " ")
  }

  static var bash: String {
    let cases = CommandTable.all.map { command in
      "    \"\(command.name)\") flags=\"\(flags(command))\" ;;"
    }
    return """
      # bash completion for jobctl
      _jobctl() {
        local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} flags=""
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W "\(firstWords)" -- "$word"))
          return
        fi
        if [ "$command" = ca ]; then
          if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W "\(secondWords("ca"))" -- "$word"))
            return
          fi
          command="ca ${COMP_WORDS[2]}"
        fi
        case "$command" in
      \(cases.joined(separator: "\n"))
        esac
        case "$word" in
          -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
          *) COMPREPLY=($(compgen -W "$(jobctl ps --all -o json 2>/dev/null | sed -n 's/.*"id":"\\([^"]*\\)".*/\\1/p')" -- "$word")) ;;
        esac
      }
      complete -o default -F _jobctl jobctl

      """
  }

  static var zsh: String {
    let commands = CommandTable.all.filter { !$0.name.contains(" ") }.map {
      "    '\($0.name):\(escape($0.summary))'"
    }
    let cases = CommandTable.all.map { command in
      let options = command.allOptions.map { option in
        let value = option.value.map { ":\($0):" } ?? ""
        return "'\(option.isRepeated ? "*" : "")--\(option.name)[\(escape(option.explanation))]\(value)'"
      }
      return "    '\(command.name)') _arguments \(options.joined(separator: " ")) '*:argument:_files' ;;"
    }
    return """
      #compdef jobctl
      _jobctl() {
        local -a commands=(
      \(commands.joined(separator: "\n"))
          'ca:Makes certificates.'
        )
        if (( CURRENT == 2 )); then
          _describe command commands
          return
        fi
        local command=$words[2]
        if [[ $command == ca ]]; then
          if (( CURRENT == 3 )); then
            compadd \(secondWords("ca"))
            return
          fi
          command="ca $words[3]"
        fi
        case $command in
      \(cases.joined(separator: "\n"))
        esac
      }
      compdef _jobctl jobctl

      """
  }

  static var fish: String {
    var lines = ["# fish completion for jobctl", "complete -c jobctl -f"]
    for command in CommandTable.all {
      let words = command.name.split(separator: " ")
      if words.count == 1 {
        lines.append(
          "complete -c jobctl -n __fish_use_subcommand -a \(words[0]) -d '\(escape(command.summary))'")
      } else {
        lines.append(
          "complete -c jobctl -n '__fish_seen_subcommand_from \(words[0])' -a \(words[1]) -d '\(escape(command.summary))'"
        )
      }
      for option in command.allOptions {
        let short = option.short.map { " -s \($0)" } ?? ""
        let value = option.value == nil ? "" : " -r"
        lines.append(
          "complete -c jobctl -n '__fish_seen_subcommand_from \(words.last!)' -l \(option.name)\(short)\(value) -d '\(escape(option.explanation))'"
        )
      }
    }
    lines.append("complete -c jobctl -n __fish_use_subcommand -a ca -d 'Makes certificates.'")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func escape(_ text: String) -> String {
    text.replacing("'", with: "").replacing("[", with: "(").replacing("]", with: ")").replacing(
      ":", with: " -")
  }
}
