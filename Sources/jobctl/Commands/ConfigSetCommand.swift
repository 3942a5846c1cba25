extension Command {
  static let configSet = Command(
    name: "config set", summary: "Keeps the given settings of the connection in a profile.",
    details:
      "The profile is that of --profile, else the current one; settings that are not given stay as they are.",
    examples: [
      (
        "jobctl config set --server jobs.example.org:7443 --cert ~/alice.crt --key ~/alice.key --ca ~/ca.crt",
        "keeps them, so that a script need name nothing"
      ), ("jobctl config set --profile test --server 127.0.0.1:7444", "another profile"),
    ]
  ) { invocation in
    let settings = Option.connection.map(\.name).filter { $0 != "profile" }
    guard settings.contains(where: invocation.has) else {
      throw invocation.usage("name what to keep: \(OptionValue.list(settings.map { "--\($0)" }))")
    }
    let file = Environment().profileFile
    var profiles = try Profiles.load(file)
    let name = invocation.value("profile") ?? profiles.current
    var profile = profiles.profiles[name] ?? Profiles.Profile()
    if let server = invocation.value("server") {
      _ = try Settings.address(server, invocation)
      profile.server = server
    }
    // A profile is used from any directory.
    profile.ca = invocation.value("ca").map(Path.absolute) ?? profile.ca
    profile.cert = invocation.value("cert").map(Path.absolute) ?? profile.cert
    profile.key = invocation.value("key").map(Path.absolute) ?? profile.key
    profile.serverName = invocation.value("server-name") ?? profile.serverName
    profile.replyTimeout = invocation.duration("reply-timeout")?.description ?? profile.replyTimeout
    profiles.profiles[name] = profile
    try profiles.save(file)
    return 0
  }
}
