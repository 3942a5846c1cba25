import Platform

/// The options on a command line, taken apart.
struct ConfigurationFlags {
  private(set) var values: [(option: ConfigurationOption, text: String)] = []
  /// The value of `--config`.
  private(set) var file: String?

  init(_ arguments: [String]) throws(ConfigurationError) {
    var reader = ArgumentReader(arguments)
    while let argument = reader.next() {
      guard case .option(let name) = argument, name.hasPrefix("--") else {
        throw ConfigurationError("unexpected argument \"\(reader.word)\"; see jobd --help")
      }
      let option = ConfigurationOption.all.first { "--\($0.name)" == name }
      guard option != nil || name == "--config" else {
        let near = ConfigurationLoader.suggestion(for: name) { "--\($0.name)" }
        throw ConfigurationError("there is no option \(name)\(near); see jobd --help")
      }
      guard let text = reader.value() else {
        throw ConfigurationError("\(name) needs a value: \(option?.allowed ?? "the path of a file")")
      }
      if let option { values.append((option, text)) } else { file = text }
    }
  }
}
