extension Command {
  static let configRemove = Command(
    name: "config remove", summary: "Removes a profile.", operands: .word("PROFILE"), connects: false,
    examples: [("jobctl config remove test", "the others stay; after the current one \"default\" is")]
  ) { invocation in
    try Profiles.change { profiles in
      _ = try profiles.profile(named: invocation.arguments[0])
      profiles.profiles[invocation.arguments[0]] = nil
      if profiles.current == invocation.arguments[0] { profiles.current = Profiles().current }
    }
  }
}
