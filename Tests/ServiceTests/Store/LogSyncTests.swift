import CSQLite
import Testing

@testable import JobStore

/// After a failed sync of the log it may lack commits that did not wait for the disk: whichever call met that failure,
/// the next change has to know.
@Suite struct LogSyncTests {
  /// A database with a commit that did not wait for the disk, where no sync of the log succeeds.
  private func failing(_ body: (Database) throws -> Void) throws {
    let scratch = try ScratchDirectory()
    let database = try Database.open("\(scratch.path)/jobd.db", group: nil)
    try database.commitsDurably(false)
    try database.execute("INSERT INTO clients(id, name) VALUES(1, 'a')")
    var found: UnsafeMutablePointer<sqlite3_file>?
    sqlite3_file_control(database.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &found)
    let file = try #require(found)
    let real = try #require(file.pointee.pMethods)
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    defer { methods.deallocate() }
    methods.initialize(to: real.pointee)
    methods.pointee.xSync = { _, _ in SQLITE_IOERR | 4 << 8 }
    file.pointee.pMethods = UnsafePointer(methods)
    defer { file.pointee.pMethods = real }
    try body(database)
    #expect(database.logMayHaveHole)
  }

  @Test func byACheckpoint() throws {
    try failing { database in #expect(throws: StoreError.self) { try database.checkpoint(.passive) } }
  }

  @Test func byACommit() throws {
    try failing { database in
      try database.commitsDurably(true)
      try database.execute("BEGIN IMMEDIATE; INSERT INTO clients(id, name) VALUES(2, 'b')")
      #expect(throws: StoreError.self) { try database.execute("COMMIT") }
      database.rollback()
    }
  }
}
