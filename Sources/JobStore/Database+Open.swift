import Glibc
import Platform

extension Database {
  /// Opens the writer's connection; makes the file if there is none. Nothing of a file that cannot be used is changed.
  static func open(
    _ path: String, group: gid_t?, willMigrate: () -> Void = {}
  ) throws(StoreError) -> Database {
    if try size(of: path) == nil { try create(path) }
    return try advising(on: path) { () throws(StoreError) in
      try share(path, group)
      let database = try Database(path, .readWrite)
      try Schema.migrate(database, willMigrate: willMigrate)
      try configure(database)
      return database
    }
  }

  /// Adds to an error of a damaged file at `path` what an operator can do.
  static func advising<Result>(on path: String, _ body: () throws(StoreError) -> Result)
    throws(StoreError)
    -> Result
  {
    do throws(StoreError) {
      return try body()
    } catch {
      throw error.kind == .damaged ? damaged(path, error) : error
    }
  }

  /// The connection of a reader, who may lack the right to write.
  static func openReadOnly(_ path: String, mapped: Int = 0) throws(StoreError) -> Database {
    let database = try Database(path, .readOnly)
    try database.execute("PRAGMA mmap_size = \(mapped); PRAGMA cache_size = -2048")
    return database
  }

  private static func configure(_ database: Database) throws(StoreError) {
    // The log and its index get the owner, group and mode of the file. No memory map: an I/O error in one ends
    // the process. Deleted rows are not worth overwriting: the files beside them are not either. Others may hold
    // the database for a moment: an operator's sqlite3.
    try database.execute(
      """
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;
      PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;
      PRAGMA busy_timeout = 1000;
      """)
    let mode = try database.prepare("PRAGMA journal_mode")
    guard try mode.step(), mode.text(0) == "wal" else {
      throw StoreError(.other, "\(database.path) cannot have a write-ahead log on this file system")
    }
  }

  /// Lets `group` read the file and what an earlier daemon, which may have had another group, left beside it.
  private static func share(_ path: String, _ group: gid_t?) throws(StoreError) {
    for file in ["", "-wal", "-shm"].map({ path + $0 }) {
      let isShared = chown(file, .max, group ?? .max) == 0 && chmod(file, 0o640) == 0
      guard isShared || (errno == ENOENT && file != path) else {
        throw StoreError(SystemError(errno, "set group and mode of \(file)"))
      }
    }
  }

  /// Under another name first: an empty file of the right name is thus always a truncated one, and never taken
  /// for a fresh start.
  private static func create(_ path: String) throws(StoreError) {
    if try size(of: path + "-wal") ?? 0 > 0 {
      throw StoreError(
        .damaged,
        "\(path) is missing though \(path)-wal is there: put it back, or move the other away to start empty")
    }
    let fresh = path + ".new"
    unlink(fresh)
    try Schema.migrate(Database(fresh, .create))
    guard rename(fresh, path) == 0 else { throw StoreError(SystemError(errno, "rename \(fresh)")) }
    do { try syncDirectory(Path.directory(of: path)) } catch { throw StoreError(error) }
  }

  private static func size(of path: String) throws(StoreError) -> Int? {
    var info = stat()
    guard lstat(path, &info) != 0 else {
      // A link could lead to anybody's file, which would be written and given to the api process's group.
      guard info.st_mode & S_IFMT == S_IFREG else {
        throw StoreError(.other, "\(path) is no regular file")
      }
      guard info.st_size > 0 || !path.hasSuffix(".db") else {
        throw damaged(path, StoreError(.damaged, "it is empty"))
      }
      return info.st_size
    }
    guard errno == ENOENT else { throw StoreError(SystemError(errno, "look at \(path)")) }
    return nil
  }

  private static func damaged(_ path: String, _ error: StoreError) -> StoreError {
    StoreError(
      .damaged,
      "\(path) is damaged: \(error.description). Nothing was changed. Restore it from a backup, save what is left "
        + "with `sqlite3 \(path) .recover`, or move it and its -wal away to start without the jobs in it")
  }
}
