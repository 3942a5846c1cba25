import JobAPI

extension JobRecord: ByteValue {
  package func put(into writer: inout ByteWriter) {
    writer.put(
      id, client, state.code, created, started, finished, exitCode, signal, error, stdout.kept,
      stdout.dropped,
      stderr.kept, stderr.dropped, flags.rawValue, userTime, systemTime, peakMemory,
      EndedBy.code(of: endedBy), stopper, stopAsked, launched, firstOutput, throttled,
      cleanup.rawValue, runnerError)
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
    endedBy = try EndedBy.of(code: try reader.integer())
    stopper = try reader.optionalString()
    stopAsked = try reader.integer()
    launched = try reader.integer()
    firstOutput = try reader.integer()
    throttled = try reader.integer()
    guard let cleanup = Cleanup(rawValue: try reader.integer()) else { throw MalformedBytes() }
    self.cleanup = cleanup
    runnerError = try reader.optionalString()
  }
}

extension JobState {
  /// By the numbers that stand for them in messages and in the store.
  private static let coded: [JobState] = [.running, .completed, .error]

  package var code: UInt8 { UInt8(Self.coded.firstIndex(of: self)!) }

  package init?(code: UInt8) {
    guard code < Self.coded.count else { return nil }
    self = Self.coded[Int(code)]
  }
}
