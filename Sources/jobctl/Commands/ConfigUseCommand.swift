extension Command {
  static let configUse = Command(
    name: "config use", summary: "Makes a profile the current one.", operands: .word("PROFILE"),
    connects: false, examples: [("jobctl config use test", "from now on, when no other is named")]
  ) { invocation in
    try Profiles.change { profiles in
      _ = try profiles.profile(named: invocation.arguments[0])
      profiles.current = invocation.arguments[0]
    }
  }
}
