import CSQLite
import Glibc

/// Fills the store of a daemon that does not run with copies of the one job that is in it.
struct KeptJobs {
  private let database: OpaquePointer

  /// `waiting`: the copies wait for a slot.
  static func fill(_ state: String, count: Int, waiting: Bool = false) throws {
    guard count > 0 else { return }
    var handle: OpaquePointer?
    guard sqlite3_open_v2("\(state)/jobd.db", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK, let handle
    else {
      throw BenchFailure("\(state): its database cannot be opened")
    }
    defer { sqlite3_close(handle) }
    let kept = KeptJobs(database: handle)
    try kept.run("PRAGMA synchronous=OFF; BEGIN")
    try kept.copy(count)
    if waiting { try kept.run(queue) }
    try kept.run(
      """
      UPDATE clients SET finished = (SELECT count(*) FROM jobs WHERE state = 1),
        bytes = (SELECT sum(bytes) FROM jobs)
      """)
    try kept.run("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
  }

  private static let queue = """
    UPDATE jobs SET state = 3, started = 0, finished = 0, exit_code = 0, signal = 0, error = NULL, flags = 0,
      ended_by = 0, launched = 0, saved = 0 WHERE number > 1;
    INSERT INTO queues(client, name, slots, waiting)
      SELECT client, '', 1, count(*) FROM jobs WHERE state = 3 GROUP BY client
    """

  private func run(_ text: String) throws {
    guard sqlite3_exec(database, text, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  private func failure() -> BenchFailure {
    BenchFailure("filling the store: \(String(cString: sqlite3_errmsg(database)))")
  }

  private func prepare(_ text: String) throws -> OpaquePointer {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(database, text, -1, &statement, nil) == SQLITE_OK, let statement else {
      throw failure()
    }
    return statement
  }

  /// All columns but those that tell one job from another.
  private func sharedColumns() throws -> [String] {
    let statement = try prepare("SELECT name FROM pragma_table_info('jobs')")
    defer { sqlite3_finalize(statement) }
    var names: [String] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      names.append(String(cString: sqlite3_column_text(statement, 0)))
    }
    return names.filter { !["number", "id", "created", "key"].contains($0) }
  }

  /// The last of them was created just before now, the others a millisecond apart.
  private func copy(_ count: Int) throws {
    let shared = try sharedColumns().joined(separator: ",")
    let statement = try prepare(
      "INSERT INTO jobs(id, created, \(shared)) SELECT ?1, ?2, \(shared) FROM jobs WHERE number = 1")
    defer { sqlite3_finalize(statement) }
    var random = SystemRandomNumberGenerator()
    let first = UInt64(time(nil)) * 1000 - 1000 - UInt64(count)
    for number in 0..<UInt64(count) {
      let high = ((first + number) << 16 | 0x7000).bigEndian
      let low = (random.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000).bigEndian
      withUnsafeBytes(of: (high, low)) { id in
        _ = sqlite3_bind_blob(
          statement, 1, id.baseAddress, 16, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
      }
      sqlite3_bind_int64(statement, 2, Int64(first + number) * 1000)
      guard sqlite3_step(statement) == SQLITE_DONE else { throw failure() }
      sqlite3_reset(statement)
    }
  }
}
