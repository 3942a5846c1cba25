extension Command {
  static let configRemove = Command(
    name: "config remove", summary: "Removes a profile.", operands: .word("PROFILE"), connects: false,
    examples: [("jobctl config remove test", "the others stay")]
  ) { invocation in
    let file = Environment().profileFile
    var profiles = try Profiles.load(file)
    _ = try profiles.profile(named: invocation.arguments[0])
    profiles.profiles[invocation.arguments[0]] = nil
    try profiles.save(file)
    return 0
  }
}
