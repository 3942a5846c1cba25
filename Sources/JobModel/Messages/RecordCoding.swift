import JobAPI

extension JobRecord: ByteValue {
  package func put(into writer: inout ByteWriter) {
    writer.put(
      id, client, state.code, created, started, finished, exitCode, signal, error, stdout.kept,
      stdout.dropped,
      stderr.kept, stderr.dropped, flags.rawValue, userTime, systemTime, peakMemory)
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    let (id, client) = (try reader.id(), try reader.integer(Int64.self))
    guard let state = JobState(code: try reader.integer()) else { throw MalformedBytes() }
    self.init(id: id, client: client, created: try reader.integer())
    self.state = state
    started = try reader.integer()
    finished = try reader.integer()
    exitCode = try reader.integer()
    signal = try reader.integer()
    error = try reader.optionalString()
    stdout = StreamCount(kept: try reader.integer(), dropped: try reader.integer())
    stderr = StreamCount(kept: try reader.integer(), dropped: try reader.integer())
    flags = Flags(rawValue: try reader.integer())
    userTime = try reader.integer()
    systemTime = try reader.integer()
    peakMemory = try reader.integer()
  }
}

extension JobState {
  /// The number that stands for the state in messages and in the store.
  package var code: UInt8 {
    switch self {
    case .running: 0
    case .completed: 1
    case .error: 2
    }
  }

  package init?(code: UInt8) {
    switch code {
    case 0: self = .running
    case 1: self = .completed
    case 2: self = .error
    default: return nil
    }
  }
}
