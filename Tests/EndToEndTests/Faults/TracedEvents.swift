import JobAPI

@testable import JobModel

/// What the supervisor told the api process, from the bytes it sent.
struct TracedEvents {
  enum Told: Equatable {
    case created(JobID)
    case running(JobID)
    /// With the bytes of stdout.
    case ended(JobID, UInt64)
    case deleted(JobID)
  }

  /// Each with the index of the call whose bytes made it whole.
  private(set) var all: [(told: Told, call: Int)] = []

  /// `sent`: indices of calls and what they sent, of one api process.
  init(_ sent: [(call: Int, bytes: ArraySlice<UInt8>)]) throws {
    var buffer: [UInt8] = []
    for (call, bytes) in sent {
      buffer += bytes
      while buffer.count >= 4 {
        let length = (0..<4).reduce(0) { $0 | Int(buffer[$1]) << (8 * $1) }
        guard buffer.count >= 4 + length else { break }
        let event = try buffer[4..<4 + length].withUnsafeBytes { try SupervisorEvent(decoding: $0) }
        if let told = Self.told(event) { all.append((told, call)) }
        buffer.removeFirst(4 + length)
      }
    }
  }

  private static func told(_ event: SupervisorEvent) -> Told? {
    switch event {
    case .created(_, let id): .created(id)
    case .job(let record, _) where record.state == .running: .running(record.id)
    case .job(let record, _): .ended(record.id, record.stdout.kept)
    case .deleted(let id): .deleted(id)
    default: nil
    }
  }
}
