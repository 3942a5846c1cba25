import FoundationEssentials
import Glibc

/// Connection settings kept under names, in one JSON file.
struct Profiles: Codable, Equatable {
  struct Profile: Codable, Equatable {
    var server, ca, cert, key, serverName, replyTimeout: String?

    enum CodingKeys: String, CodingKey {
      case server, ca, cert, key
      case serverName = "server_name"
      case replyTimeout = "reply_timeout"
    }
  }

  /// The one used when none is named.
  var current = "default"
  var profiles: [String: Profile] = [:]

  static func load(_ path: String) throws -> Profiles {
    guard access(path, F_OK) == 0 else { return Profiles() }
    let bytes = try Data(contentsOf: URL(filePath: path))
    do {
      return try JSONDecoder().decode(Profiles.self, from: bytes)
    } catch {
      throw UsageError("\(path) is not a file of profiles: mend or remove it", command: "config")
    }
  }

  /// Written beside and renamed, so that it is never seen half written.
  func save(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let directory = URL(filePath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
  }

  func profile(named name: String?) throws(UsageError) -> Profile {
    if let found = profiles[name ?? current] { return found }
    guard name == nil else {
      throw UsageError("there is no profile \"\(name!)\"; \"jobctl config\" lists them", command: "config")
    }
    return Profile()
  }
}
