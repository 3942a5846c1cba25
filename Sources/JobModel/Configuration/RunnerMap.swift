/// `runners` of the configuration file.
package struct RunnerMap: Sendable, Codable, Equatable {
  static let key = "runners"
  private var runners: [String: Runner] = [:]

  package init() {}

  /// `place`: where it is written, for errors.
  init(_ value: ConfigurationFile.Value, _ place: String) throws(ConfigurationError) {
    guard case .object(let entries) = value else {
      throw ConfigurationError(
        "\(place) must be an object: { name: { command: [\"program\", ...], ... }, ... }")
    }
    for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
      runners[name] = try Runner(name, value, "\(place): \"\(name)\"")
    }
  }

  package subscript(name: String) -> Runner? { runners[name] }
  package var names: [String] { runners.keys.sorted() }

  /// Whether settings name what there is. `place`: where they are written.
  func check(_ settings: ClientSettings, _ place: String) throws(ConfigurationError) {
    for name in (settings.runners ?? []) + (settings.runner.map { [$0] } ?? [])
    where name != Runner.none && runners[name] == nil {
      throw ConfigurationError(
        "\(place): there is no runner \"\(name)\" in \(Self.key); there is \((names + [Runner.none]).joined(separator: ", "))"
      )
    }
    guard !settings.mayUse(settings.runner), let name = settings.runner else { return }
    throw ConfigurationError(
      "\(place): the runner of those who name none is \"\(name)\", which they may not use")
  }
}

extension ClientSettings {
  /// Whether a job may have this runner; nil: none.
  package func mayUse(_ runner: String?) -> Bool { runners?.contains(runner ?? Runner.none) ?? true }

  /// What a job may have, of those that there are: "none" is having none.
  package func usable(_ all: RunnerMap) -> [String] {
    (all.names + [Runner.none]).filter { mayUse($0 == Runner.none ? nil : $0) }
  }
}
