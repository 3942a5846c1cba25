import JobAPI
import JobModel

/// How a ``JobRecord`` lies in the columns of the table `jobs`.
enum JobRow {
  private static let names = [
    "id", "client", "state", "created", "started", "finished", "exit_code", "signal", "error", "stdout_kept",
    "stdout_dropped", "stderr_kept", "stderr_dropped", "flags", "user_time", "system_time", "peak_memory",
    "ended_by", "stopped_by", "stop_asked", "launched", "first_output", "throttled", "stored", "saved",
  ]
  /// For a SELECT or INSERT whose first columns these are.
  static let columns = names.joined(separator: ", ")
  /// The column after them.
  static let count = Int32(names.count)
  /// The parameters of ``values(_:)``, and so many after them.
  static func parameters(and more: Int32) -> String {
    (1...count + more).map { "?\($0)" }.joined(separator: ", ")
  }

  /// The SET list of an UPDATE of what may change, with ``values(_:)`` as the first parameters.
  static let assignments = names.enumerated()
    .filter { !["id", "client", "created", "stored"].contains($0.element) }
    .map { "\($0.element) = ?\($0.offset + 1)" }.joined(separator: ", ")

  /// The state of a job that waits for a slot; the others are those of ``JobState``.
  static let queued: Int64 = 3

  static func isOver(_ state: Int64) -> Bool { state != Int64(JobState.running.code) && state != queued }

  static func read(_ row: Statement) throws(StoreError) -> JobRecord {
    let code = row.integer(2)
    guard let state = code == queued ? .running : JobState(code: UInt8(truncatingIfNeeded: code)) else {
      throw StoreError(.damaged, "database: a job has the unknown state \(code)")
    }
    var record = JobRecord(id: try row.id(0), client: row.integer(1), created: row.integer(3))
    record.state = state
    record.started = row.integer(4)
    record.finished = row.integer(5)
    record.exitCode = row.small(6)
    record.signal = row.small(7)
    record.error = row.text(8)
    record.stdout = .init(kept: row.unsigned(9), dropped: row.unsigned(10))
    record.stderr = .init(kept: row.unsigned(11), dropped: row.unsigned(12))
    record.flags = .init(rawValue: UInt16(truncatingIfNeeded: row.integer(13)))
    record.isQueued = code == queued
    record.userTime = row.unsigned(14)
    record.systemTime = row.unsigned(15)
    record.peakMemory = row.unsigned(16)
    do {
      record.endedBy = try EndedBy.of(code: UInt8(clamping: row.integer(17)))
    } catch {
      throw StoreError(.damaged, "database: a job has the unknown end \(row.integer(17))")
    }
    record.stopper = row.text(18)
    record.stopAsked = row.integer(19)
    record.launched = row.integer(20)
    record.firstOutput = row.integer(21)
    record.throttled = row.unsigned(22)
    record.stored = row.integer(23)
    record.saved = row.integer(24)
    return record
  }

  /// What is in the columns.
  static func values(_ record: JobRecord) -> [any Bindable] {
    let state = record.isQueued ? queued : Int64(record.state.code)
    return [
      record.id, record.client, state, record.created, record.started, record.finished,
      record.exitCode, record.signal, record.error, record.stdout.kept, record.stdout.dropped,
      record.stderr.kept, record.stderr.dropped, Int64(record.flags.subtracting(.queued).rawValue),
      record.userTime,
      record.systemTime, record.peakMemory, Int64(EndedBy.code(of: record.endedBy)), record.stopper,
      record.stopAsked, record.launched, record.firstOutput, record.throttled, record.stored, record.saved,
    ]
  }
}

extension Statement {
  func id(_ column: Int32) throws(StoreError) -> JobID {
    let bytes = view(column)
    guard bytes.count == 16 else { throw StoreError(.damaged, "database: a job id of \(bytes.count) bytes") }
    return JobID(
      high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  func plan(_ column: Int32) throws(StoreError) -> JobPlan {
    do {
      return try JobPlan(stored: view(column))
    } catch {
      throw StoreError(.damaged, "database: what a job was to run cannot be read")
    }
  }
}
