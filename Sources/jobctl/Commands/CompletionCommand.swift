extension Command {
  static let completion = Command(
    name: "completion", summary: "Prints completions for a shell.",
    operands: .oneOf(["bash", "zsh", "fish"]), connects: false,
    examples: [
      ("source <(jobctl completion bash)", "for this shell; put it into ~/.bashrc for all"),
      ("jobctl completion zsh > ~/.zfunc/_jobctl", "for zsh, where ~/.zfunc is in fpath"),
      ("jobctl completion fish > ~/.config/fish/completions/jobctl.fish", "for fish"),
    ]
  ) { invocation in
    switch invocation.arguments[0] {
    case "bash": try Terminal.print(BashCompletion.text)
    case "zsh": try Terminal.print(ZshCompletion.text)
    default: try Terminal.print(FishCompletion.text)
    }
    return 0
  }
}
