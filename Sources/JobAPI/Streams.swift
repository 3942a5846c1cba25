/// The two streams of a job.
public enum OutputStream: String, Codable, Sendable, CaseIterable {
  case stdout, stderr

  /// The route that answers with its bytes.
  package var route: Route { self == .stdout ? .stdout : .stderr }
}

/// One line of `GET /jobs/<id>/log` as ndjson: a piece of a stream, as `text` when it is UTF-8, else as `base64`.
public struct LogChunk: Codable, Sendable, Equatable {
  /// When the daemon read it: RFC 3339 in UTC with microseconds.
  public var time: String
  public var stream: OutputStream
  /// Where it begins in its stream.
  public var offset: Int64
  public var text: String?
  public var base64: String?

  public init(time: String, stream: OutputStream, offset: Int64, text: String? = nil, base64: String? = nil) {
    (self.time, self.stream, self.offset) = (time, stream, offset)
    (self.text, self.base64) = (text, base64)
  }
}

/// The header of one frame of `GET /jobs/<id>/log` as ``MediaType/frames``; `length` bytes follow it: output, or with
/// kind ``Kind/end`` the job's ``StatusReply`` as JSON. Before anything else comes an empty frame of each stream: its
/// offset tells where the stream begins here, so that a client that lost the connection can go on there.
///
/// 24 bytes: kind, three zeros, the length (4 bytes), the offset (8 bytes), the time (8 bytes); numbers have their
/// lowest byte first.
public struct LogFrame: Sendable, Equatable {
  public enum Kind: UInt8, Sendable {
    case stdout = 1
    case stderr = 2
    case end = 3
  }

  public static let headerSize = 24
  /// More than this in one frame is a mistake of the sender.
  public static let maximumLength: UInt32 = 1 << 24

  public var kind: Kind
  public var length: UInt32
  /// Where the bytes begin in their stream; 0 for the end.
  public var offset: UInt64
  /// When the daemon read the bytes: microseconds since 1970; 0 where there are none.
  public var time: Int64

  public init(kind: Kind, length: UInt32, offset: UInt64 = 0, time: Int64 = 0) {
    (self.kind, self.length, self.offset, self.time) = (kind, length, offset, time)
  }

  /// Reads a header from the first 24 bytes; nil when that is not one.
  public init?(header: UnsafeRawBufferPointer) {
    guard header.count >= Self.headerSize, let kind = Kind(rawValue: header[0]),
      header[1] | header[2] | header[3] == 0
    else { return nil }
    self.kind = kind
    length = UInt32(littleEndian: header.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    offset = UInt64(littleEndian: header.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    time = Int64(littleEndian: header.loadUnaligned(fromByteOffset: 16, as: Int64.self))
    if length > Self.maximumLength { return nil }
  }

  /// Writes the header to the first 24 bytes.
  public func write(to header: UnsafeMutableRawBufferPointer) {
    header.storeBytes(of: UInt32(kind.rawValue).littleEndian, toByteOffset: 0, as: UInt32.self)
    header.storeBytes(of: length.littleEndian, toByteOffset: 4, as: UInt32.self)
    header.storeBytes(of: offset.littleEndian, toByteOffset: 8, as: UInt64.self)
    header.storeBytes(of: time.littleEndian, toByteOffset: 16, as: Int64.self)
  }
}

/// One line of `GET /events`. `seq` grows by one with each event of a client's jobs.
public struct JobEvent: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case created, queued, started, finished, deleted
  }

  public var seq: Int64
  public var time: String
  public var event: Kind
  public var id: JobID
  /// Whose job it is; for those whose role lets them see others' jobs.
  public var client: String?
  /// With `finished`: how.
  public var status: StatusReply?

  public init(
    seq: Int64, time: String, event: Kind, id: JobID, client: String? = nil, status: StatusReply? = nil
  ) {
    (self.seq, self.time, self.event, self.id) = (seq, time, event, id)
    (self.client, self.status) = (client, status)
  }
}
