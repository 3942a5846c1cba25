import FoundationEssentials
import Harness
import Testing

/// A line of an audit trail, as a program reads it.
struct AuditRecord: Decodable {
  let time, event: String
  let outcome, reason, client, role, serial, fingerprint, address, job, owner, request, cause: String?
  let command: [String]?
  let runner, user, group, signalName, grace, traceparent, shownName: String?
  let rm, repeated: Bool?
  let signal, count, lost: Int?

  /// All of a file; each line has to be whole.
  static func all(_ path: String) throws -> [AuditRecord] {
    let text = Files.text(path)
    try #require(text.isEmpty || text.hasSuffix("\n"), "\(text.suffix(200))")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try text.split(separator: "\n").map { try decoder.decode(AuditRecord.self, from: Data($0.utf8)) }
  }
}
