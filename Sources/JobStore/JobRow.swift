import JobAPI
import JobModel

/// How a ``JobRecord`` lies in the columns of the table `jobs`.
enum JobRow {
  private static let names = [
    "id", "client", "state", "created", "started", "finished", "exit_code", "signal", "error", "stdout_kept",
    "stdout_dropped", "stderr_kept", "stderr_dropped", "flags", "user_time", "system_time", "peak_memory",
    "ended_by", "stopped_by", "stop_asked", "launched", "first_output", "throttled", "stored", "saved",
    "cleanup", "runner_error",
  ]
  /// For a SELECT or INSERT whose first columns these are.
  static let columns = names.joined(separator: ", ")
  /// The column after them.
  static let count = Int32(names.count)
  /// The parameters of ``bind(_:to:)``, and so many after them.
  static func parameters(and more: Int32) -> String {
    (1...count + more).map { "?\($0)" }.joined(separator: ", ")
  }

  /// The SET list of an UPDATE of what may change, with those of ``bind(_:to:)`` as the first parameters.
  static let assignments = names.enumerated()
    .filter { !["id", "client", "created", "stored"].contains($0.element) }
    .map { "\($0.element) = ?\($0.offset + 1)" }.joined(separator: ", ")

  /// The state of a job that waits for a slot; the others are those of ``JobState``.
  static let queued: Int64 = 3

  /// As ``JobRecord/mayExpire``, by the columns `state` and `cleanup`.
  static func mayExpire(_ state: Int64, _ cleanup: Int64) -> Bool {
    state != Int64(JobState.running.code) && state != queued
      && cleanup != Int64(JobRecord.Cleanup.pending.rawValue)
  }

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
    guard let cleanup = JobRecord.Cleanup(rawValue: UInt8(clamping: row.integer(25))) else {
      throw StoreError(.damaged, "database: a job has the unknown cleanup \(row.integer(25))")
    }
    record.cleanup = cleanup
    record.runnerError = row.text(26)
    return record
  }

  /// Binds what is in the columns to the first parameters of a statement.
  static func bind(_ record: JobRecord, to row: Statement) {
    row.set(1, record.id)
    row.set(2, record.client)
    row.set(3, record.isQueued ? queued : Int64(record.state.code))
    row.set(4, record.created)
    row.set(5, record.started)
    row.set(6, record.finished)
    row.set(7, Int64(record.exitCode))
    row.set(8, Int64(record.signal))
    row.set(9, record.error)
    row.set(10, record.stdout.kept)
    row.set(11, record.stdout.dropped)
    row.set(12, record.stderr.kept)
    row.set(13, record.stderr.dropped)
    row.set(14, Int64(record.flags.subtracting(.queued).rawValue))
    row.set(15, record.userTime)
    row.set(16, record.systemTime)
    row.set(17, record.peakMemory)
    row.set(18, Int64(EndedBy.code(of: record.endedBy)))
    row.set(19, record.stopper)
    row.set(20, record.stopAsked)
    row.set(21, record.launched)
    row.set(22, record.firstOutput)
    row.set(23, record.throttled)
    row.set(24, record.stored)
    row.set(25, record.saved)
    row.set(26, Int64(record.cleanup.rawValue))
    row.set(27, record.runnerError)
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
