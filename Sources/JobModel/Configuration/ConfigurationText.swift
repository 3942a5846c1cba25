import Platform

/// The text of a configuration file, as far as programs write it.
package enum ConfigurationText {
  /// What is most often set otherwise, as comments.
  package static let template = #"""
    // Configuration of jobd(8); see jobd.json5(5). All of it may be left out: "jobd check-config" shows what is in effect.
    {
      // listen: "0.0.0.0:7443",
      // retention_age: "7d",
      // audit_file: "/var/log/jobd/audit.log",

      // Settings of some clients, by name or pattern; the more of it is literal the later it holds, the exact name last.
      // "jobd check-config --client NAME" shows what holds for one, and "jobd reload" takes changes of this map.
      // clients: {
      //   "*": { running_jobs: 100 },
      //   "prometheus": { role: "viewer" },  // reads all jobs and /metrics
      //   "ops": { role: "operator" },       // and stops, signals and deletes them
      //   "ci-*": { running_jobs: 16, queued_jobs: 10000, max_memory: "2GiB", default_cpus: 0.5 },
      // },
    }

    """#

  /// With these members as the first of its object, which does not have them; all else, comments too, stays. Nil: there
  /// is no object in it.
  package static func adding(_ members: [String], to text: [UInt8]) -> [UInt8]? {
    guard let place = beginning(text) else { return nil }
    let hasLine = text[place...].first == UInt8(ascii: "\n")
    let lines = members.map { "\n  \($0)," }.joined() + (hasLine ? "" : "\n")
    return text[..<place] + Array(lines.utf8) + text[place...]
  }

  /// The member `listen`.
  package static func listen(_ address: String) -> String { "listen: \(quoted(address))" }

  /// The map of clients with one, whose jobs run as that user.
  package static func clients(_ user: String) -> String {
    "clients: { \(quoted(user)): { users: [\(quoted(user))] } }"
  }

  private static func quoted(_ text: String) -> String {
    "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }

  /// Behind the brace that opens the object.
  private static func beginning(_ text: [UInt8]) -> Int? {
    var rest = text[...]
    while let byte = rest.first {
      if byte == UInt8(ascii: "{") { return rest.startIndex + 1 }
      guard byte == UInt8(ascii: "/") else {
        rest = rest.dropFirst()
        continue
      }
      let end = Array((rest.dropFirst().first == UInt8(ascii: "*") ? "*/" : "\n").utf8)
      rest = rest.dropFirst(2)
      while !rest.isEmpty, !rest.starts(with: end) { rest = rest.dropFirst() }
      rest = rest.dropFirst(end.count)
    }
    return nil
  }
}
