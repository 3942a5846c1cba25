import JobAPI
import JobClient

/// A line of `results.jsonl`: a command whose end is known, with the members of its job's status.
struct BatchRecord: Encodable, Sendable {
  let batch: String
  /// ``BatchPack/rule``.
  let packs: String
  let line: Int
  let command: String
  let id: JobID?
  let attempts: Int
  let succeeded: Bool
  let status: StatusReply?
  /// Why there is no status, or no output.
  var error: String?
  var times: JobTimes?

  private enum Member: String, CodingKey {
    case batch, packs, line, command, id, attempts, succeeded, error, times
  }

  func encode(to encoder: any Encoder) throws {
    try status?.encode(to: encoder)
    var members = encoder.container(keyedBy: Member.self)
    try members.encode(batch, forKey: .batch)
    try members.encode(packs, forKey: .packs)
    try members.encode(line, forKey: .line)
    try members.encode(command, forKey: .command)
    try members.encodeIfPresent(id, forKey: .id)
    try members.encode(attempts, forKey: .attempts)
    try members.encode(succeeded, forKey: .succeeded)
    try members.encodeIfPresent(error, forKey: .error)
    try members.encodeIfPresent(times, forKey: .times)
  }

  /// What another run needs to know of it.
  struct Known: Decodable {
    let batch: String
    let packs: String
    let line: Int
    let command: String
    let attempts: Int
    let succeeded: Bool
  }
}
