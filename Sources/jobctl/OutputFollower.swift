import FoundationEssentials
import JobAPI
import JobClient

/// A job's output as it comes, from where it was left: may be asked again after the connection was lost.
final class OutputFollower {
  private let client: JobClient
  private let id: JobID
  private let take: (ArraySlice<UInt8>, OutputStream) throws -> Void
  /// The query of the first request; what follows it goes on at the bytes that were taken.
  private let first: Query
  /// How far each stream was taken; nil: nothing of it yet.
  private var taken: [OutputStream: UInt64] = [:]

  init(
    _ client: JobClient, _ id: JobID, extra: Query = [:],
    take: @escaping (ArraySlice<UInt8>, OutputStream) throws -> Void
  ) {
    (self.client, self.id, self.take) = (client, id, take)
    var query = extra
    if query["follow"] == nil { query.add("follow", "1") }
    first = query
  }

  private var query: Query {
    guard !taken.isEmpty else { return first }
    return [
      "follow": "1", "since": first["since"], "stdout": "\(taken[.stdout] ?? 0)",
      "stderr": "\(taken[.stderr] ?? 0)",
    ]
  }

  /// Returns when the job has ended.
  func follow() throws -> StatusReply {
    let status = try stream(query)
    guard status.status != .running else {
      throw ClientError.closed("the server ended the output before the job did")
    }
    return status
  }

  /// What there is now.
  func once() throws -> StatusReply {
    var query: Query = [:]
    for item in first.items where item.name != "follow" { query.add(item.name, item.value) }
    return try stream(query)
  }

  private func stream(_ query: Query) throws -> StatusReply {
    var parser = FrameParser()
    var end: StatusReply?
    try client.stream(.log, Route.log.target(id, query), accept: MediaType.frames) { bytes in
      try parser.add(bytes) { frame, piece in
        switch frame.kind {
        case .stdout: try self.output(piece, .stdout, frame)
        case .stderr: try self.output(piece, .stderr, frame)
        case .end: end = try JSONDecoder().decode(StatusReply.self, from: Data(piece))
        }
      }
    }
    guard let end else { throw ClientError.closed("the output ended before the job did") }
    return end
  }

  private func output(_ piece: ArraySlice<UInt8>, _ stream: OutputStream, _ frame: LogFrame) throws {
    guard frame.offset == taken[stream] ?? frame.offset else {
      throw ClientError.malformed("the output has a gap at byte \(frame.offset)")
    }
    try take(piece, stream)
    taken[stream] = frame.offset + UInt64(piece.count)
  }
}

/// Puts frames together from the pieces in which they come.
struct FrameParser {
  private var pending: [UInt8] = []

  mutating func add(
    _ bytes: ArraySlice<UInt8>, _ handle: (LogFrame, ArraySlice<UInt8>) throws -> Void
  ) throws {
    pending += bytes
    var rest = pending[...]
    while rest.count >= LogFrame.headerSize {
      guard let frame = rest.withUnsafeBytes({ LogFrame(header: $0) }) else {
        throw ClientError.malformed("the output's frames are not understood")
      }
      let body = rest.dropFirst(LogFrame.headerSize)
      guard body.count >= Int(frame.length) else { break }
      try handle(frame, body.prefix(Int(frame.length)))
      rest = body.dropFirst(Int(frame.length))
    }
    pending = Array(rest)
  }
}
