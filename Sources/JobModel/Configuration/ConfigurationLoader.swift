/// Puts a ``Configuration`` together: flags win over the environment, that over the configuration file, that over the
/// defaults.
package struct ConfigurationLoader: Sendable {
  package private(set) var configuration: Configuration
  /// What each option was set by; the others have their defaults.
  package private(set) var sources: [String: Source] = [:]
  /// The file that was read.
  package private(set) var file: String?

  package enum Source: Equatable, Sendable, CustomStringConvertible {
    case flag
    case environment(String)
    case file(String)

    package var description: String {
      switch self {
      case .flag: "flag"
      case .environment(let name): "environment, \(name)"
      case .file(let path): path
      }
    }
  }

  /// `arguments` are flags only: `--name value` or `--name=value`.
  package init(
    arguments: [String], environment: [String: String], place: ConfigurationPlace? = nil
  ) throws(ConfigurationError) {
    let place = place ?? ConfigurationPlace(environment: environment)
    configuration = Configuration(place)
    let flags = try ConfigurationFlags(arguments)
    let named = flags.file ?? environment["JOBD_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    if let named {
      try read(named, isRequired: true)
    } else {
      try read("\(place.settings)/jobd.json5", isRequired: false)
    }
    try apply(environment)
    for (option, text) in flags.values { try set(option, text, .flag, writtenAs: "--\(option.name)") }
    try check()
  }

  private mutating func read(_ path: String, isRequired: Bool) throws(ConfigurationError) {
    guard let values = try ConfigurationFile.read(path, isRequired: isRequired) else { return }
    file = path
    for (key, text) in values {
      guard let option = ConfigurationOption.all.first(where: { $0.key == key }) else {
        throw ConfigurationError("\(path): there is no option \"\(key)\"\(Self.suggestion(for: key, \.key))")
      }
      try set(option, text, .file(path), writtenAs: "\(path): \(key)")
    }
  }

  private mutating func apply(_ environment: [String: String]) throws(ConfigurationError) {
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("JOBD_") {
      guard name != "JOBD_CONFIG", name != JobEnvironment.marker else { continue }
      guard let option = ConfigurationOption.all.first(where: { $0.variable == name }) else {
        throw ConfigurationError(
          "the environment's \(name) sets no option\(Self.suggestion(for: name, \.variable)); see jobd --help"
        )
      }
      try set(option, text, .environment(name), writtenAs: name)
    }
  }

  private mutating func set(
    _ option: ConfigurationOption, _ text: String, _ source: Source, writtenAs place: String
  ) throws(ConfigurationError) {
    guard option.value.set(text, in: &configuration) else {
      throw ConfigurationError("\(place) is \"\(text)\", but must be \(option.value.allowed)")
    }
    sources[option.name] = source
  }

  /// Paths are used after the working directory is left.
  private func check() throws(ConfigurationError) {
    for option in ConfigurationOption.all where option.value.isPath {
      let path = option.value.print(configuration)
      guard path.isEmpty || path.hasPrefix("/") else {
        throw ConfigurationError("\(option.name) is \"\(path)\", but must be an absolute path")
      }
    }
  }

  /// ", did you mean X?" with the option whose name is nearest, if one is near.
  package static func suggestion(for name: String, _ spelling: (ConfigurationOption) -> String) -> String {
    let near = ConfigurationOption.all.map { (spelling($0), distance(name, spelling($0))) }
    guard let best = near.min(by: { $0.1 < $1.1 }), best.1 <= 3 else { return "" }
    return ", did you mean \(best.0)?"
  }

  /// Letters to change, add or remove (Levenshtein).
  private static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (index, byte) in left.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let changed = diagonal + (right[column] == byte ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(changed, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count]
  }
}

extension OptionValue {
  fileprivate var isPath: Bool {
    switch self {
    case .path, .optionalPath: true
    default: false
    }
  }
}

/// A configuration that cannot be used: what is wrong where, and what is allowed.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
