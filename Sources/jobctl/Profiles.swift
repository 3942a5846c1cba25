import FoundationEssentials
import Glibc
import Platform

/// Connection settings kept under names, in one JSON file.
struct Profiles: Codable, Equatable {
  /// The one used when none is named.
  var current = "default"
  /// By name: the value of each ``Setting`` that is kept, named as its option, with `_` for `-`.
  var profiles: [String: [String: String]] = [:]

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

  /// Changes the user's file.
  static func change(_ body: (inout Profiles) throws -> Void) throws -> Int32 {
    let file = Environment().profileFile
    var profiles = try load(file)
    try body(&profiles)
    try profiles.save(file)
    return 0
  }

  func profile(named name: String?) throws(UsageError) -> [String: String] {
    if let found = profiles[name ?? current] { return found }
    guard name == nil else {
      throw UsageError("there is no profile \"\(name!)\"; \"jobctl config\" lists them", command: "config")
    }
    return [:]
  }
}
