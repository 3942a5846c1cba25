import Platform

extension ConfigurationLoader {
  /// What `jobd check-config` prints: each option's effective value and where it is from, as a configuration file.
  package var report: String {
    let options = ConfigurationOption.all.map { option in
      (Self.member(option.key, option, option.print(configuration)), sources[option.name] ?? "default")
    }
    return Self.object(options, clients + runners)
  }

  /// What `jobd check-config --client` prints: each setting of a client, and the option or the entry it is from.
  package func report(of client: String) -> String {
    let settings = configuration.settings(of: client)
    let entries = configuration.clients.entries(of: client)
    let members = ConfigurationOption.all.compactMap { option in
      option.member.map { member in
        let entry = entries.last { $0.members[member.name] != nil }
        let source = entry.map { "\(ClientMap.key): \($0.name.quoted)" }
        return (
          Self.member(member.name, option, member.print(settings)),
          source ?? "\(option.key): \(sources[option.name] ?? "default")"
        )
      }
    }
    return Self.object(members, "")
  }

  /// The map; nothing when there is none.
  private var clients: String {
    guard let source = sources[ClientMap.key] else { return "" }
    let entries = configuration.clients.entries.map { entry in
      let members = ConfigurationOption.all.compactMap { option in
        option.member.flatMap { member in
          entry.members[member.name].map { Self.member(member.name, option, $0) }
        }
      }
      return "    \(entry.name.quoted): { \(members.joined(separator: " ")) },\n"
    }
    return "  \(ClientMap.key): {  // \(source)\n\(entries.joined())  },\n"
  }

  private var runners: String {
    guard let source = sources[RunnerMap.key] else { return "" }
    let entries = configuration.runners.names.compactMap { configuration.runners[$0] }.map { runner in
      let members = runner.texts.map { "      \($0.name): \($0.value),\n" }
      return "    \(runner.name.quoted): {\n\(members.joined())    },\n"
    }
    return "  \(RunnerMap.key): {  // \(source)\n\(entries.joined())  },\n"
  }

  private static func object(_ members: [(text: String, source: String)], _ rest: String) -> String {
    let width = members.map(\.text.count).max() ?? 0
    let lines = members.map { text, source in
      "  \(text)\(String(repeating: " ", count: width - text.count))  // \(source)\n"
    }
    return "{\n\(lines.joined())\(rest)}\n"
  }

  private static func member(_ key: String, _ option: ConfigurationOption, _ text: String) -> String {
    "\(key): \(option.kind == .literal ? text : text.quoted),"
  }

  /// What `jobd --help` prints of the options.
  package static var help: String {
    ConfigurationOption.groups.map { group in
      "\(group.title):\n" + group.options.map(help).joined()
    }.joined(separator: "\n")
  }

  private static func help(_ option: ConfigurationOption) -> String {
    let flag = "  \(option.flag) \(option.placeholder)"
    let member = option.member.map { " In clients: \($0.name)." } ?? ""
    let words = "\(option.explanation) Default: \(option.defaultText).\(member)"
    return flag + "\n" + TextWrap.lines(words, width: 76).map { "      \($0)\n" }.joined()
  }
}
