import Platform

/// `clients` of the configuration file: settings by the names of clients, or patterns of them.
package struct ClientMap: Sendable, Codable, Equatable {
  package struct Entry: Sendable, Codable, Equatable {
    /// A client's, or a pattern.
    package let name: String
    /// What it sets, as text, by the name of the ``ClientMember``.
    package let members: [String: String]
  }

  static let key = "clients"

  /// In the order in which they hold.
  private var patterns: [Entry] = []
  private var names: [ByteText: Entry] = [:]

  init() {}

  /// `place`: where it is written, for errors.
  init(_ value: ConfigurationFile.Value, _ place: String) throws(ConfigurationError) {
    guard case .object(let entries) = value else {
      throw ConfigurationError(
        "\(place) must be an object: { \"name or pattern\": { setting: value, ... }, ... }")
    }
    for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty else { throw ConfigurationError("\(place): the name of a client may not be empty") }
      let entry = Entry(name: name, members: try Self.members(value, "\(place): \"\(name)\""))
      if NamePattern(name).isExact { names[ByteText(name)] = entry } else { patterns.append(entry) }
    }
    patterns.sort { NamePattern($0.name) < NamePattern($1.name) }
  }

  private static func members(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> [String: String] {
    guard case .object(let members) = value else {
      throw ConfigurationError("\(place) must be an object: { setting: value, ... }")
    }
    var (texts, settings): ([String: String], ClientSettings) = ([:], ClientSettings())
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard let option = ConfigurationOption.members[name], let member = option.member else {
        let near = NearName.find(
          ClientMember.name(of: name), among: ConfigurationOption.members.keys.sorted(), most: 3)
        let hint = near.map { ", did you mean \($0)?" } ?? ""
        throw ConfigurationError("\(place): there is no setting \"\(name)\"\(hint)")
      }
      let text = try value.text("\(place): \(name)", isList: option.kind == .list)
      guard member.set(text, &settings) else {
        throw ConfigurationError("\(place): \(name) is \"\(text)\", but must be \(option.allowed)")
      }
      texts[name] = text
    }
    return texts
  }

  package var isEmpty: Bool { patterns.isEmpty && names.isEmpty }

  /// Those that are a client's; of two that have the same member the later one holds.
  func entries(of client: String) -> [Entry] {
    patterns.filter { NamePattern($0.name).matches(client) } + (names[ByteText(client)].map { [$0] } ?? [])
  }

  /// All of them, in the order in which they hold.
  var entries: [Entry] { patterns + names.values.sorted { $0.name < $1.name } }
}

extension Configuration {
  /// What holds for each entry of the map, and where it is written.
  package var entries: [(place: String, settings: ClientSettings)] {
    clients.entries.map { ("\(ClientMap.key): \"\($0.name)\"", settings(of: $0.name)) }
  }

  /// What holds for a client, by its name.
  package func settings(of client: String) -> ClientSettings {
    var settings = self.client
    for entry in clients.entries(of: client) {
      for (name, text) in entry.members {
        _ = ConfigurationOption.members[name]?.member?.set(text, &settings)
      }
    }
    return settings
  }
}
