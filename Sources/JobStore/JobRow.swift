import JobAPI
import JobModel

/// How a ``JobRecord`` lies in the columns of the table `jobs`.
package enum JobRow {
  /// For a SELECT whose first columns these are.
  package static let columns = """
    id, client, state, created, started, finished, exit_code, signal, error, stdout_kept, stdout_dropped, \
    stderr_kept, stderr_dropped, flags, user_time, system_time, peak_memory
    """
  /// The column after them.
  package static let count: Int32 = 17

  /// The SET list of an UPDATE, with the parameters 3 to 17; 1 and 2 are client and id.
  package static let assignments = """
    state = ?3, started = ?4, finished = ?5, exit_code = ?6, signal = ?7, error = ?8, stdout_kept = ?9, \
    stdout_dropped = ?10, stderr_kept = ?11, stderr_dropped = ?12, flags = ?13, user_time = ?14, \
    system_time = ?15, peak_memory = ?16
    """

  package static func read(_ row: Statement) throws(StoreError) -> JobRecord {
    guard let state = JobState(code: UInt8(truncatingIfNeeded: row.integer(2))) else {
      throw StoreError(.damaged, "database: a job has the unknown state \(row.integer(2))")
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
    record.userTime = row.unsigned(14)
    record.systemTime = row.unsigned(15)
    record.peakMemory = row.unsigned(16)
    return record
  }

  /// Binds 1 to 16 as ``assignments`` names them.
  package static func bind(_ record: JobRecord, to statement: Statement) {
    statement.bind(1, record.client)
    statement.bind(2, record.id)
    statement.bind(3, Int64(record.state.code))
    statement.bind(4, record.started)
    statement.bind(5, record.finished)
    statement.bind(6, record.exitCode)
    statement.bind(7, record.signal)
    statement.bind(8, record.error)
    statement.bind(9, record.stdout.kept)
    statement.bind(10, record.stdout.dropped)
    statement.bind(11, record.stderr.kept)
    statement.bind(12, record.stderr.dropped)
    statement.bind(13, Int64(record.flags.rawValue))
    statement.bind(14, record.userTime)
    statement.bind(15, record.systemTime)
    statement.bind(16, record.peakMemory)
  }
}

extension Statement {
  /// Most significant byte first, so that the order of bytes is that of ids.
  package func bind(_ index: Int32, _ id: JobID) {
    withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { bind(index, $0) }
  }

  package func id(_ column: Int32) throws(StoreError) -> JobID {
    let bytes = view(column)
    guard bytes.count == 16 else { throw StoreError(.damaged, "database: a job id of \(bytes.count) bytes") }
    return JobID(
      high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  package func plan(_ column: Int32) throws(StoreError) -> JobPlan {
    do {
      return try JobPlan(stored: view(column))
    } catch {
      throw StoreError(.damaged, "database: what a job was to run cannot be read")
    }
  }
}
