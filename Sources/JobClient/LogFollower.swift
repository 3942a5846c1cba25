import JobAPI

/// A piece of a job's output.
public struct LogPiece {
  public let stream: OutputStream
  /// Where it begins in its stream.
  public let offset: UInt64
  /// When the daemon read it: microseconds since 1970.
  public let time: Int64
  /// Valid during the call that hands it over.
  public let bytes: UnsafeRawBufferPointer
}

/// Reads a job's combined log, and goes on at the right byte of both streams after the connection was lost.
public final class LogFollower {
  /// Takes what is read: each piece, and the end of each block that came at once, when what is held back for more is to
  /// be written.
  public protocol Taker {
    func take(_ piece: LogPiece) throws
    func flush() throws
  }

  private let client: JobClient
  private let id: JobID
  private let bridge: Bridge
  /// Where to begin: `since`, `tail`.
  private let query: Query
  /// As whom the job's terminal is claimed by each request; nil: it is not.
  private let writer: String?
  /// Another's claim ends by the next request.
  private var takesOver: Bool
  /// How far each stream was taken; nil: not begun.
  private var taken: [OutputStream: UInt64] = [:]

  /// A reply that has begun already.
  private var begun: Connection?
  private(set) var requests = 0

  /// `query`: where to begin. `writer`: as whom the job's terminal is written to meanwhile; who follows it then. `takesOver`:
  /// in place of whoever does now, but not of whoever takes it over from here.
  public init(
    _ client: JobClient, _ id: JobID, _ bridge: Bridge, _ query: Query = [:], as writer: String? = nil,
    takesOver: Bool = false
  ) {
    (self.client, self.id, self.bridge, self.query, self.writer) = (client, id, bridge, query, writer)
    self.takesOver = takesOver
  }

  /// Reads the log, from its beginning, from a reply whose head was read; then as any other.
  convenience init(_ client: JobClient, _ id: JobID, _ bridge: Bridge, after begun: Connection) {
    self.init(client, id, bridge)
    self.begun = begun
  }

  /// Returns the job's status after the last piece: `follows`, when the job has ended; else as it is now.
  public func read(follows: Bool, _ taker: some Taker) throws -> StatusReply {
    try bridge.call {
      let status = try readOnce(follows, taker)
      if follows, status.status == .running { throw ClientError.closed("the server ended the log") }
      return status
    }
  }

  private func target(_ follows: Bool) -> String {
    var query = query
    // Both have begun, or none: the first frames tell of both.
    if let out = taken[.stdout], let err = taken[.stderr] {
      query = ["stdout": "\(out)", "stderr": "\(err)"]
    }
    if follows { query.add("follow", "1") }
    query.add("writer", writer)
    if takesOver { query.add("take_over", "1") }
    return Route.log.target(id, query)
  }

  private func readOnce(_ follows: Bool, _ taker: some Taker) throws -> StatusReply {
    var frames = FrameReader()
    var end: StatusReply?
    func take(_ block: UnsafeRawBufferPointer) throws {
      try frames.add(block) { frame, bytes in
        switch frame.kind {
        case .stdout: try hand(bytes, of: .stdout, frame, taker)
        case .stderr: try hand(bytes, of: .stderr, frame, taker)
        case .end: end = try JobClient.decode(bytes, of: .log)
        }
      }
      try taker.flush()
    }
    requests += 1
    if let begun {
      self.begun = nil
      begun.allowSilence(0)
      try JobClient.readBody(of: begun, take)
    } else {
      try client.stream(
        .log, target(follows), accept: MediaType.frames, silence: follows ? 0 : nil,
        begin: { _ in
          takesOver = false
          bridge.reached()
        }, take: take)
    }
    guard let end else { throw ClientError.closed("the log ended before the job did") }
    return end
  }

  private func hand(
    _ bytes: UnsafeRawBufferPointer, of stream: OutputStream, _ frame: LogFrame, _ taker: some Taker
  ) throws {
    guard frame.offset == taken[stream, default: frame.offset] else {
      throw ClientError.malformed("the job's \(stream) has a gap at byte \(frame.offset)")
    }
    if !bytes.isEmpty {
      try taker.take(LogPiece(stream: stream, offset: frame.offset, time: frame.time, bytes: bytes))
    }
    taken[stream] = frame.offset + UInt64(bytes.count)
  }
}
