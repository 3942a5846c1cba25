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
      let option =
        name == "--config"
        ? nil
        : try ConfigurationLoader.find(
          name, \.flag, "there is no option \(name)", hint: "; see jobd --help")
      guard let text = reader.value() else {
        throw ConfigurationError(
          "\(name) needs a value: \(option?.allowed ?? "the path of a file")")
      }
      if let option { values.append((option, text)) } else { file = text }
    }
  }
}
