import CSQLite
import Glibc
import JobAPI

/// A connection to a SQLite database. One thread at a time.
final class Database {
  let handle: OpaquePointer
  let path: String
  private var isDurable = true
  /// Writing the write-ahead log, or taking it over into the database, has failed.
  var logMayHaveHole = false

  enum Access {
    case readOnly, readWrite, create

    fileprivate var flags: Int32 {
      switch self {
      case .readOnly: SQLITE_OPEN_READONLY
      case .readWrite: SQLITE_OPEN_READWRITE
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      }
    }
  }

  init(_ path: String, _ access: Access) throws(StoreError) {
    var made: OpaquePointer?
    let code = sqlite3_open_v2(path, &made, access.flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let made else {
      defer { sqlite3_close_v2(made) }
      throw Self.error(made, code)
    }
    handle = made
    self.path = path
  }

  // v2: the connection lives on until its last statement is finalized.
  deinit { sqlite3_close_v2(handle) }

  fileprivate static func error(_ handle: OpaquePointer?, _ code: Int32) -> StoreError {
    let message = String(cString: handle == nil ? sqlite3_errstr(code) : sqlite3_errmsg(handle))
    return StoreError(sqlite: code, errno: systemError(handle, code), message: message)
  }

  // SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC and SQLITE_IOERR_TRUNCATE, which are made by macros.
  private static let writeFailed = SQLITE_IOERR | 3 << 8
  private static let syncFailed = SQLITE_IOERR | 4 << 8
  private static let truncateFailed = SQLITE_IOERR | 6 << 8

  /// The errno behind a result code; 0: there is none.
  private static func systemError(_ handle: OpaquePointer?, _ code: Int32) -> Int32 {
    switch code {
    // What a transaction writes it writes to the log.
    case writeFailed, syncFailed, truncateFailed: logError(handle)
    default:
      [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xff) ? sqlite3_system_errno(handle) : 0
    }
  }

  /// What the last system call that failed on the write-ahead log's file said.
  private static func logError(_ handle: OpaquePointer?) -> Int32 {
    var file: UnsafeMutablePointer<sqlite3_file>?
    var code: Int32 = 0
    guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK, let file,
      let control = file.pointee.pMethods?.pointee.xFileControl,
      control(file, SQLITE_FCNTL_LAST_ERRNO, &code) == SQLITE_OK
    else { return 0 }
    return code
  }

  /// A reader that comes while the writer writes the header of the log's index finds two copies that differ, and
  /// takes the index for one to be recovered, which a reader may not do. A moment later they agree.
  fileprivate static func patiently(_ call: () -> Int32) -> Int32 {
    for _ in 0..<100 {
      let code = call()
      guard code == SQLITE_READONLY_RECOVERY_CODE else { return code }
      usleep(100)
    }
    return call()
  }

  /// Runs statements that give no rows of interest.
  func execute(_ sql: String) throws(StoreError) {
    let code = Self.patiently { sqlite3_exec(handle, sql, nil, nil, nil) }
    guard code == SQLITE_OK else { throw failed(code) }
  }

  /// Whichever call it was: what the kernel could not bring to disk it has forgotten afterwards.
  fileprivate func failed(_ code: Int32) -> StoreError {
    if code & 0xff == SQLITE_IOERR { logMayHaveHole = true }
    return Self.error(handle, code)
  }

  func prepare(_ sql: String) throws(StoreError) -> Statement {
    var made: OpaquePointer?
    let code = Self.patiently {
      sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
    }
    guard code == SQLITE_OK, let made else { throw Self.error(handle, code) }
    return Statement(made, self)
  }

  /// The first column of the first row; nil without rows.
  func integer(_ sql: String) throws(StoreError) -> Int64? {
    let statement = try prepare(sql)
    return try statement.step() ? statement.integer(0) : nil
  }

  /// Rows changed by the last statement.
  var changes: Int64 { sqlite3_changes64(handle) }

  /// Undoes an open transaction; some errors have undone it already.
  func rollback() {
    if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  /// Calls `hook` after each commit with the number of pages in the write-ahead log; nothing is copied into the
  /// database on its own any more. `hook` outlives the connection.
  func watchLog(_ hook: WriteAheadLogSize) {
    sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        Unmanaged<WriteAheadLogSize>.fromOpaque(context!).takeUnretainedValue().pages = Int(pages)
        return SQLITE_OK
      }, Unmanaged.passUnretained(hook).toOpaque())
  }

  /// Whether a commit returns only when it would survive a power cut, or already when it would survive the death of
  /// this process; a later durable one then makes it durable too. Outside of transactions only.
  func commitsDurably(_ durably: Bool) throws(StoreError) {
    guard isDurable != durably else { return }
    try execute(durably ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
    isDurable = durably
  }

  enum Checkpoint {
    /// What can be copied without waiting for anyone.
    case passive
    /// All of it, and empties the log's file. Fails when a reader is in the way.
    case truncate
  }

  /// Copies the write-ahead log into the database. False: not all of it, because readers are in the way.
  func checkpoint(_ kind: Checkpoint) throws(StoreError) -> Bool {
    var pages: Int32 = 0
    var copied: Int32 = 0
    let mode = kind == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE
    let code = sqlite3_wal_checkpoint_v2(handle, nil, mode, &pages, &copied)
    guard code & 0xff != SQLITE_BUSY else { return false }
    guard code == SQLITE_OK else { throw failed(code) }
    return pages == copied
  }
}

/// Pages in the write-ahead log as of the last commit. The writer's thread only.
final class WriteAheadLogSize {
  var pages = 0
}

/// What a parameter of a statement may be.
protocol Bindable {
  func bind(to statement: Statement, at index: Int32)
}

extension Int64: Bindable {
  func bind(to statement: Statement, at index: Int32) { statement.set(index, self) }
}

extension Optional: Bindable where Wrapped: Bindable {
  func bind(to statement: Statement, at index: Int32) {
    if let self { self.bind(to: statement, at: index) } else { statement.set(index, nil) }
  }
}

extension String: Bindable {
  func bind(to statement: Statement, at index: Int32) { statement.set(index, self) }
}

extension [UInt8]: Bindable {
  func bind(to statement: Statement, at index: Int32) { statement.set(index, self) }
}

extension JobID: Bindable {
  func bind(to statement: Statement, at index: Int32) { statement.set(index, self) }
}

/// A prepared statement. Parameters count from 1, columns from 0. One thread at a time.
final class Statement {
  private let handle: OpaquePointer
  private let database: Database

  fileprivate init(_ handle: OpaquePointer, _ database: Database) {
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  // SQLite copies the bytes during the call.
  private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  /// Binds the parameters from 1 on.
  func bind(_ values: any Bindable...) { bind(values) }

  private func bind(_ values: [any Bindable]) {
    for (index, value) in values.enumerated() { value.bind(to: self, at: Int32(index + 1)) }
  }

  func set(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

  /// Numbers past the largest of SQLite become that.
  func set(_ index: Int32, _ value: UInt64) { set(index, Int64(clamping: value)) }

  /// Most significant byte first, so that the order of bytes is that of ids.
  func set(_ index: Int32, _ value: JobID) {
    withUnsafeBytes(of: (value.high.bigEndian, value.low.bigEndian)) { set(index, $0) }
  }

  func set(_ index: Int32, _ value: [UInt8]) { value.withUnsafeBytes { set(index, $0) } }

  func set(_ index: Int32, _ value: String?) {
    guard var value else {
      sqlite3_bind_null(handle, index)
      return
    }
    _ = value.withUTF8 { utf8 in
      // An empty string may have no address, which would be NULL.
      utf8.withMemoryRebound(to: CChar.self) { text in
        if let base = text.baseAddress {
          sqlite3_bind_text(handle, index, base, Int32(text.count), Self.copied)
        } else {
          sqlite3_bind_text(handle, index, "", 0, Self.copied)
        }
      }
    }
  }

  private func set(_ index: Int32, _ value: UnsafeRawBufferPointer) {
    if value.isEmpty {
      sqlite3_bind_zeroblob(handle, index, 0)
    } else {
      sqlite3_bind_blob64(handle, index, value.baseAddress, UInt64(value.count), Self.copied)
    }
  }

  /// Runs to the next row. True: there is one. After false the statement may be run again.
  func step() throws(StoreError) -> Bool {
    switch Database.patiently({ stepOnce() }) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      sqlite3_reset(handle)
      return false
    default:
      let error = database.failed(sqlite3_extended_errcode(sqlite3_db_handle(handle)))
      sqlite3_reset(handle)
      throw error
    }
  }

  private func stepOnce() -> Int32 {
    let code = sqlite3_step(handle)
    if code == SQLITE_READONLY_RECOVERY_CODE { sqlite3_reset(handle) }
    return code
  }

  /// Runs a statement that gives no rows, with these parameters; the number of rows changed.
  @discardableResult
  func run(_ values: any Bindable...) throws(StoreError) -> Int64 {
    bind(values)
    return try run()
  }

  /// The same with those that are bound.
  @discardableResult
  func run() throws(StoreError) -> Int64 {
    while try step() {}
    return database.changes
  }

  /// What `read` makes of the first row with these parameters; nil when there is none.
  func first<Value>(
    _ values: any Bindable..., read: (Statement) throws(StoreError) -> Value
  ) throws(StoreError) -> Value? {
    bind(values)
    defer { reset() }
    return try step() ? try read(self) : nil
  }

  /// Ends the statement's run before its last row, and with it its read transaction.
  func reset() { sqlite3_reset(handle) }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func unsigned(_ column: Int32) -> UInt64 { UInt64(clamping: integer(column)) }
  func small(_ column: Int32) -> Int32 { sqlite3_column_int(handle, column) }

  func text(_ column: Int32) -> String? {
    guard let text = sqlite3_column_text(handle, column) else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: length(column)), as: UTF8.self)
  }

  /// The bytes of a column, valid until the next step or reset.
  func view(_ column: Int32) -> UnsafeRawBufferPointer {
    let bytes = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: bytes, count: length(column))
  }

  func bytes(_ column: Int32) -> [UInt8] { [UInt8](view(column)) }
  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  private func length(_ column: Int32) -> Int { Int(sqlite3_column_bytes(handle, column)) }
}
