import Platform

/// The completion for bash: one function, with the table's options as a case.
enum BashCompletion {
  static var text: String {
    """
    # bash completion for jobctl
    _jobctl_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
    _jobctl_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen "$1" -- "$current")); }
    _jobctl_beginnings() { compopt -o nospace 2>/dev/null; _jobctl_words "$1"; }
    _jobctl_jobs() { _jobctl_words "$(\(Completion.jobs))"; }
    _jobctl() {
      local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
      local command=${COMP_WORDS[1]} index=2 operands=0 options= valued=
      COMPREPLY=()
      if ((COMP_CWORD == 1)); then
        _jobctl_words "\(words(Completion.firstWords)) --help --version"
        return
      fi
      case $command in
    \(Completion.groups.map(group).joined(separator: "\n"))
      esac
      case $command in
    \(CommandTable.all.map(options).joined(separator: "\n"))
      esac
      while ((index < COMP_CWORD)); do
        case ${COMP_WORDS[index]} in
          -*) [[ " $valued " == *" ${COMP_WORDS[index]} "* ]] && ((index++)) ;;
          *) ((operands++)) ;;
        esac
        ((index++))
      done
      case $command in
    \(values.joined(separator: "\n"))
      esac
      if [[ $current == -* ]]; then
        _jobctl_words "$options --help"
        return
      fi
      case $command in
    \(operands.joined(separator: "\n"))
      esac
    }
    complete -F _jobctl jobctl

    """
  }

  private static func words(_ words: [(word: String, meaning: String)]) -> String {
    words.map(\.word).joined(separator: " ")
  }

  /// `ca` is followed by `init` and others.
  private static func group(_ word: String) -> String {
    let next = words(Completion.secondWords(word))
    let names = Completion.secondWords(word).map(\.word).joined(separator: "|")
    return """
          \(word))
            case ${COMP_WORDS[2]} in \(names)) command="\(word) ${COMP_WORDS[2]}" index=3 ;; esac
            if ((COMP_CWORD == 2)); then
              _jobctl_words "\(next)"
              return
            fi
            ;;
      """
  }

  private static func options(_ command: Command) -> String {
    let all = command.allOptions.flatMap(\.spellings).joined(separator: " ")
    let valued = command.allOptions.filter { $0.value != nil }.flatMap(\.spellings)
    return "    \"\(command.name)\") options=\"\(all)\" valued=\"\(valued.joined(separator: " "))\" ;;"
  }

  /// What may follow an option that has a value.
  private static var values: [String] {
    CommandTable.all.map { command in
      let cases = command.allOptions.compactMap { option in
        option.value.map { value in
          "      \(option.spellings.joined(separator: "|"))) \(action(value.kind)); return ;;"
        }
      }
      guard !cases.isEmpty else { return "    \"\(command.name)\") ;;" }
      return "    \"\(command.name)\")\n      case $previous in\n"
        + cases.map { "  \($0)\n" }.joined() + "      esac\n      ;;"
    }
  }

  private static func action(_ kind: OptionKind) -> String {
    switch kind {
    case .file: "_jobctl_files -f"
    case .directory: "_jobctl_files -d"
    case .words(let words): "_jobctl_words \"\(words.joined(separator: " "))\""
    case .beginnings(let beginnings): "_jobctl_beginnings \"\(beginnings.joined(separator: " "))\""
    case .text, .list, .literal: ":"
    }
  }

  private static var operands: [String] {
    CommandTable.all.compactMap { command in
      let action: String? =
        switch command.operands.kind {
        case .jobs where command.operands.count.upperBound == 1: "((operands == 0)) && _jobctl_jobs"
        case .jobs: "_jobctl_jobs"
        case .signalAndJobs:
          "if ((operands == 0)); then _jobctl_words \"\(Completion.signals)\"; else _jobctl_jobs; fi"
        case .command: "if ((operands == 0)); then _jobctl_files -c; else _jobctl_files -f; fi"
        case .words(let words):
          "((operands == 0)) && _jobctl_words \"\(words.joined(separator: " "))\""
        case .file: "((operands == 0)) && _jobctl_files -f"
        case .wordAndFile: "((operands == 1)) && _jobctl_files -f"
        case .none, .word: nil
        }
      return action.map { "    \"\(command.name)\") \($0) ;;" }
    }
  }
}
