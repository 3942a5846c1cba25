/// The options on a command line, taken apart.
package struct ConfigurationFlags {
  package private(set) var values: [(option: ConfigurationOption, text: String)] = []
  /// The value of `--config`.
  package private(set) var file: String?

  package init(_ arguments: [String]) throws(ConfigurationError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.count > 2 else {
        throw ConfigurationError("unexpected argument \"\(argument)\"; see jobd --help")
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      let option = ConfigurationOption.named(name)
      guard option != nil || name == "config" else {
        let near = ConfigurationLoader.suggestion(for: "--\(name)") { "--\($0.name)" }
        throw ConfigurationError("there is no option --\(name)\(near); see jobd --help")
      }
      guard let text = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
        let allowed = option?.value.allowed ?? "the path of a file"
        throw ConfigurationError("--\(name) needs a value: \(allowed)")
      }
      if let option { values.append((option, text)) } else { file = text }
    }
  }
}
