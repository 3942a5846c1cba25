import JobClient

extension Command {
  static let config = Command(
    name: "config", summary: "Shows, sets or removes a profile of connection settings.",
    arguments: "[show|set|use|remove]",
    count: 0...1, options: [.json],
    details: """
      The settings given as options (--server, --ca, --cert, --key, --server-name, --reply-timeout) are kept under the
      profile's name (--profile, or "default") in ~/.config/jobctl/config.json (JOBCTL_CONFIG).
      """,
    examples: [
      (
        "jobctl config set --server jobs.example.org:7443 --cert ~/alice.crt --key ~/alice.key --ca ~/ca.crt",
        "keeps them as the default profile"
      ),
      ("jobctl config set --profile test --server 127.0.0.1:7444", "another profile"),
      ("jobctl config use --profile test", "makes it the one that is used"),
      ("jobctl config", "shows what is in effect"),
    ]
  ) { invocation in
    switch invocation.arguments.first ?? "show" {
    case "show": try ConfigCommand.show(invocation)
    case "set": try ConfigCommand.set(invocation)
    case "use": try ConfigCommand.use(invocation)
    case "remove": try ConfigCommand.remove(invocation)
    case let other: throw invocation.usage("\"\(other)\" must be show, set, use or remove")
    }
    return 0
  }
}

private enum ConfigCommand {
  static func show(_ invocation: Invocation) throws {
    let profiles = try Profiles.load()
    if try invocation.wantsJSON() { return try Terminal.print(json: profiles) }
    let settings = try Settings.resolve(invocation)
    let names = profiles.profiles.keys.sorted().map { $0 == profiles.current ? "\($0) (used)" : $0 }
    try Terminal.print(
      """
      server    \(settings.host):\(settings.port)
      ca        \(settings.authorityFile)
      cert      \(settings.certificateFile)
      key       \(settings.keyFile)
      profiles  \(names.isEmpty ? "none" : names.joined(separator: ", "))

      """)
  }

  static func set(_ invocation: Invocation) throws {
    var profiles = try Profiles.load()
    let name = invocation.value("profile") ?? profiles.current
    var profile = profiles.profiles[name] ?? Profiles.Profile()
    if let server = invocation.value("server") {
      _ = try Settings.address(server, invocation)
      profile.server = server
    }
    profile.ca = invocation.value("ca").map(absolute) ?? profile.ca
    profile.cert = invocation.value("cert").map(absolute) ?? profile.cert
    profile.key = invocation.value("key").map(absolute) ?? profile.key
    profile.serverName = invocation.value("server-name") ?? profile.serverName
    profile.replyTimeout = try invocation.duration("reply-timeout")?.description ?? profile.replyTimeout
    profiles.profiles[name] = profile
    try profiles.save()
  }

  static func use(_ invocation: Invocation) throws {
    var profiles = try Profiles.load()
    guard let name = invocation.value("profile") else {
      throw invocation.usage("name the profile: --profile NAME")
    }
    _ = try profiles.profile(named: name)
    profiles.current = name
    try profiles.save()
  }

  static func remove(_ invocation: Invocation) throws {
    var profiles = try Profiles.load()
    guard let name = invocation.value("profile") else {
      throw invocation.usage("name the profile: --profile NAME")
    }
    _ = try profiles.profile(named: name)
    profiles.profiles[name] = nil
    try profiles.save()
  }

  /// A profile is used from any directory.
  private static func absolute(_ path: String) -> String { Path.absolute(path) }
}
