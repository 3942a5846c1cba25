import FoundationEssentials
import Platform

extension ConfigurationLoader {
  /// What `jobd check-config` prints: each option's effective value and where it is from, as a configuration file.
  package var report: String {
    let options = ConfigurationOption.all.map { ($0, "\($0.key): \(Self.literal($0, configuration)),") }
    let width = options.map { $0.1.count }.max() ?? 0
    let lines = options.map { option, text in
      let source = sources[option.name] ?? "default"
      let space = String(repeating: " ", count: width - text.count)
      return "  \(text)\(space)  // \(source)"
    }
    return "{\n" + lines.joined(separator: "\n") + "\n}\n"
  }

  private static func literal(_ option: ConfigurationOption, _ configuration: Configuration) -> String {
    let text = option.print(configuration)
    if option.kind == .literal { return text }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A string always has a JSON form.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }

  /// What `jobd --help` prints of the options.
  package static var help: String {
    ConfigurationOption.groups.map { group in
      "\(group.title):\n" + group.options.map(help).joined()
    }.joined(separator: "\n")
  }

  private static func help(_ option: ConfigurationOption) -> String {
    let flag = "  \(option.flag) \(option.placeholder)"
    let text = TextWrap.lines("\(option.explanation) Default: \(option.defaultText).", width: 76)
    return flag + "\n" + text.map { "      \($0)\n" }.joined()
  }
}
