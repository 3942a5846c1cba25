import Platform

extension Command {
  static let config = Command(
    name: "config", summary: "Shows the settings, and where each comes from.",
    options: [.json],
    details: """
      An option wins over the environment, that over the profile, that over the default. Profiles are kept in \
      ~/.config/jobctl/config.json (JOBCTL_CONFIG).
      """,
    examples: [
      ("jobctl config", "shows what is in effect"),
      ("jobctl config --profile test", "what would be with that profile"),
    ]
  ) { invocation in
    let profiles = try Profiles.load(Environment().profileFile)
    let settings = try Settings(invocation)
    _ = try settings.parsed()
    let rows = Setting.allCases.compactMap { setting in
      settings[setting].map { value in
        let text = setting == .proxy ? ProxyChoice.shown(value.text) : value.text
        return (name: setting.rawValue, value: Settings.Value(text: text, origin: value.origin))
      }
    }
    guard !invocation.wantsJSON else {
      try Terminal.print(
        json: ConfigReply(
          settings: Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.value.text) }),
          current: profiles.current, profiles: profiles.profiles.keys.sorted()))
      return 0
    }
    let names = rows.map(\.name.count).max() ?? 0
    let values = rows.map(\.value.text.count).max() ?? 0
    for row in rows {
      try Terminal.print(
        "\(Text.pad(row.name, names))  \(Text.pad(row.value.text, values))  \(row.value.origin)\n")
    }
    let all = profiles.profiles.keys.sorted().map { $0 == profiles.current ? "\($0) (current)" : $0 }
    try Terminal.print(
      "\(Text.pad("profiles", names))  \(all.isEmpty ? "none" : all.joined(separator: ", "))\n")
    return 0
  }
}

private struct ConfigReply: Encodable {
  let settings: [String: String]
  let current: String
  let profiles: [String]
}
