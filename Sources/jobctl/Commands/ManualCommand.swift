extension Command {
  static let completion = Command(
    name: "completion", summary: "Prints completions for a shell.", arguments: "bash|zsh|fish", count: 1...1,
    connects: false,
    examples: [
      ("source <(jobctl completion bash)", "for this shell; put it into ~/.bashrc for all"),
      ("jobctl completion fish > ~/.config/fish/completions/jobctl.fish", "for fish"),
    ]
  ) { invocation in
    switch invocation.arguments[0] {
    case "bash": try Terminal.print(Completion.bash)
    case "zsh": try Terminal.print(Completion.zsh)
    case "fish": try Terminal.print(Completion.fish)
    case let other: throw invocation.usage("\"\(other)\" must be bash, zsh or fish")
    }
    return 0
  }

  static let manual = Command(
    name: "manual", summary: "Prints the manual page jobctl(1), for mandoc or man.", connects: false,
    examples: [("jobctl manual | mandoc -a", "reads it")]
  ) { _ in
    try Terminal.print(ManualPage.text)
    return 0
  }
}
