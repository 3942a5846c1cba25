import Glibc
import Platform

/// Puts a ``Configuration`` together: flags win over the environment, that over the configuration file, that over the
/// defaults.
package struct ConfigurationLoader: Sendable {
  package private(set) var configuration: Configuration
  /// What each option, and the map of clients, was set by; the others have their defaults.
  package private(set) var sources: [String: String] = [:]

  /// `arguments` are flags only: `--name value` or `--name=value`.
  package init(
    arguments: [String], environment: [String: String], place: ConfigurationPlace? = nil
  ) throws(ConfigurationError) {
    let place = place ?? ConfigurationPlace(environment: environment)
    configuration = Configuration(place)
    let flags = try ConfigurationFlags(arguments)
    let named = flags.file ?? environment["JOBD_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    if let named {
      configuration.secretsKeyFile = Configuration.secretsKeyFile(
        in: Path.directory(of: Path.absolute(named)))
      try read(named, isRequired: true)
    } else {
      try read(place.file, isRequired: false)
    }
    try apply(environment)
    for (option, text) in flags.values { try set(option, text, "flag", writtenAs: option.flag) }
    configuration.findRevocations()
    try checkRunners()
  }

  /// That there is a certificate, where no option says that it is elsewhere. Until somebody has made it, a daemon is not to
  /// be started, nor started again.
  package func checkCertificate() throws(ConfigurationError) {
    let file = configuration.certificateFile
    guard sources["certificate-file"] == nil, access(file, F_OK) != 0, errno == ENOENT else { return }
    throw ConfigurationError("there is no certificate \(file) yet; \(Configuration.certificateAdvice)")
  }

  private func checkRunners() throws(ConfigurationError) {
    try configuration.runners.check(configuration.client, "client_runners, client_runner")
    for (place, settings) in configuration.entries { try configuration.runners.check(settings, place) }
  }

  private mutating func read(_ path: String, isRequired: Bool) throws(ConfigurationError) {
    guard let values = try ConfigurationFile.read(path, isRequired: isRequired) else { return }
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      let place = "\(path): \(key)"
      switch key {
      case ClientMap.key: configuration.clients = try ClientMap(value, place)
      case RunnerMap.key: configuration.runners = try RunnerMap(value, place)
      default:
        let option = try Self.find(
          key, \.key, among: [ClientMap.key, RunnerMap.key], "\(path): there is no option \"\(key)\"")
        let text = try value.text(place, isList: option.kind == .list)
        try set(option, text, path, writtenAs: place)
        continue
      }
      sources[key] = path
    }
  }

  private mutating func apply(_ environment: [String: String]) throws(ConfigurationError) {
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("JOBD_") {
      guard name != "JOBD_CONFIG", name != JobEnvironment.marker else { continue }
      let option = try Self.find(
        name, \.variable, "the environment's \(name) sets no option", hint: "; see jobd --help")
      try set(option, text, "environment, \(name)", writtenAs: name)
    }
  }

  private mutating func set(
    _ option: ConfigurationOption, _ text: String, _ source: String, writtenAs place: String
  ) throws(ConfigurationError) {
    guard option.set(text, &configuration) else {
      throw ConfigurationError("\(place) is \"\(text)\", but must be \(option.allowed)")
    }
    // Paths are used after the working directory is left.
    guard option.kind != .file || text.isEmpty || text.hasPrefix("/") else {
      throw ConfigurationError("\(place) is \"\(text)\", but must be an absolute path")
    }
    sources[option.name] = source
  }

  /// The option that is spelled so; else `fault`, with the option whose spelling is nearest, or another of `names`, if one
  /// is near.
  static func find(
    _ name: String, _ spelling: (ConfigurationOption) -> String, among names: [String] = [], _ fault: String,
    hint: String = ""
  ) throws(ConfigurationError) -> ConfigurationOption {
    let all = ConfigurationOption.all
    if let option = all.first(where: { spelling($0) == name }) { return option }
    if name.lowercased().underscored.hasSuffix("metrics_clients") {
      throw ConfigurationError(
        "\(fault) any more: who may read /metrics is a role, { clients: { prometheus: { role: \"viewer\" } } }"
      )
    }
    let near = NearName.find(name, among: all.map(spelling) + names, most: 3)
    throw ConfigurationError("\(fault)\(near.map { ", did you mean \($0)?" } ?? "")\(hint)")
  }
}

/// A configuration that cannot be used: what is wrong where, and what is allowed.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
