import Platform

/// The completion for zsh: the table's options as arguments of `_arguments`.
enum ZshCompletion {
  static var text: String {
    """
    #compdef jobctl
    _jobctl_jobs() {
      local -a ids=(${(f)"$(\(Completion.jobs))"})
      compadd -a ids
    }
    _jobctl() {
      local command=$words[2]
      if (( CURRENT == 2 )); then
        local -a commands=(
    \(described(Completion.firstWords))
        )
        _describe command commands
        return
      fi
      shift words
      (( CURRENT-- ))
      case $command in
    \(Completion.groups.map(group).joined(separator: "\n"))
      esac
      case $command in
    \(CommandTable.all.map(arguments).joined(separator: "\n"))
      esac
    }
    if [[ $funcstack[1] == _jobctl ]]; then
      _jobctl "$@"
    else
      compdef _jobctl jobctl
    fi

    """
  }

  private static func described(_ words: [(word: String, meaning: String)]) -> String {
    words.map { "      '\($0.word):\(quoted($0.meaning))'" }.joined(separator: "\n")
  }

  private static func group(_ word: String) -> String {
    let names = Completion.secondWords(word).map(\.word).joined(separator: "|")
    return """
          \(word))
            if (( CURRENT == 2 )); then
              local -a commands=(
      \(described(Completion.secondWords(word)))
              )
              _describe command commands
              return
            fi
            case $words[2] in
              \(names)) command="\(word) $words[2]"; shift words; (( CURRENT-- )) ;;
            esac
            ;;
      """
  }

  private static func arguments(_ command: Command) -> String {
    let specs =
      command.allOptions.map(spec) + ["'(- *)'{-h,--help}'[Explains the command.]'"] + operands(command)
    return "    '\(command.name)')\n      _arguments -s \\\n"
      + specs.map { "        \($0)" }.joined(separator: " \\\n") + "\n      ;;"
  }

  private static func spec(_ option: Option) -> String {
    let names = option.spellings
    let value = option.value.map { ":\(quoted($0.placeholder)):\(action($0.kind))" } ?? ""
    let tail = "'[\(bracketed(option.explanation))]\(value)'"
    let star = option.isRepeated ? "'*'" : "'(\(names.joined(separator: " ")))'"
    return names.count == 1 ? "\(star)\(names[0])\(tail)" : "\(star){\(names.joined(separator: ","))}\(tail)"
  }

  private static func action(_ kind: OptionKind) -> String {
    switch kind {
    case .file: "_files"
    case .directory: "_files -/"
    case .words(let words): "(\(words.joined(separator: " ")))"
    case .beginnings(let beginnings): #"compadd -S "" - \#(beginnings.joined(separator: " "))"#
    case .text, .list, .literal: " "
    }
  }

  private static func operands(_ command: Command) -> [String] {
    switch command.operands.kind {
    case .none: []
    case .jobs where command.operands.count.upperBound == 1: ["'1:job:_jobctl_jobs'"]
    case .jobs: ["'*:job:_jobctl_jobs'"]
    case .signalAndJobs: ["'1:signal:(\(Completion.signals))'", "'*:job:_jobctl_jobs'"]
    case .command: ["'(-)1:command:_command_names -e'", "'*::argument:_normal'"]
    case .word: ["'1:\(command.operands.usage): '"]
    case .file: ["'1:file:_files'"]
    case .wordAndFile: ["'1:name: '", "'2:file:_files'"]
    case .words(let words): ["'1:word:(\(words.joined(separator: " ")))'"]
    }
  }

  private static func quoted(_ text: String) -> String {
    text.replacing("'", with: "'\\''").replacing(":", with: "\\:")
  }

  private static func bracketed(_ text: String) -> String {
    quoted(text).replacing("[", with: "\\[").replacing("]", with: "\\]")
  }
}
