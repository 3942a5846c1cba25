import CPlatform
import Glibc
import JobAPI
import JobModel
import Platform

/// The directory that outlives the daemon: the database and, below `output`, the files of the jobs' output.
/// Readable by the api process's group, written by the supervisor alone, who keeps every other away.
package struct StateDirectory {
  package let path: String
  package let lock: StateLock
  /// Descriptor of `output`, open as long as the process lives.
  package let output: Int32
  /// Group of the api process when it runs as a user of its own; nil: as the supervisor.
  package let group: gid_t?

  package static let fileMode: mode_t = 0o640
  /// With the set-group-ID bit: a new file has the group from the start, so that none is there unreadable for a moment.
  private static let directoryMode: mode_t = 0o2750

  /// Opens the directory and makes what is missing in it. Nothing in it is touched before it is locked. `patience`:
  /// milliseconds to wait for a predecessor that is ending.
  package init(path: String, group: gid_t?, patience: Int = 0) throws(StoreError) {
    self.path = path
    self.group = group
    do {
      try Self.makeParents(of: path)
      try Self.make(path)
    } catch {
      throw StoreError(error)
    }
    lock = try StateLock(directory: path, patience: patience)
    do {
      output = try Self.prepare(path, group)
    } catch {
      throw StoreError(error)
    }
  }

  /// The descriptor of `output`. What was made is on disk.
  private static func prepare(_ path: String, _ group: gid_t?) throws(SystemError) -> Int32 {
    var isNew = try makeInside(path + "/output")
    for shard in 0..<256 { isNew = try makeInside("\(path)/output/\(hex(shard))") || isNew }
    for name in ["", "/output"] + (0..<256).map({ "/output/" + hex($0) }) { try share(path + name, group) }
    if isNew {
      for name in ["/..", "", "/output"] { try syncDirectory(path + name) }
    }
    let output = open(path + "/output", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard output >= 0 else { throw SystemError(errno, "open \(path)/output") }
    return output
  }

  package static func hex(_ byte: Int) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
  }

  private static func makeParents(of path: String) throws(SystemError) {
    for index in path.indices.dropFirst() where path[index] == "/" {
      let parent = String(path[..<index])
      guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
        throw SystemError(errno, "make directory \(parent)")
      }
    }
  }

  /// Whether it was missing.
  @discardableResult
  private static func make(_ path: String) throws(SystemError) -> Bool {
    guard mkdir(path, directoryMode) != 0 else { return true }
    guard errno == EEXIST else { throw SystemError(errno, "make directory \(path)") }
    return false
  }

  /// Within the state directory, where no link is followed: whether it was missing.
  private static func makeInside(_ path: String) throws(SystemError) -> Bool {
    if try make(path) { return true }
    var info = stat()
    guard lstat(path, &info) == 0 else { throw SystemError(errno, "look at \(path)") }
    guard info.st_mode & S_IFMT == S_IFDIR else { throw SystemError(ENOTDIR, "use \(path)") }
    return false
  }

  private static func share(_ path: String, _ group: gid_t?) throws(SystemError) {
    guard let group else { return }
    guard chown(path, .max, group) == 0, chmod(path, directoryMode) == 0 else {
      throw SystemError(errno, "give directory \(path) to group \(group)")
    }
  }

  /// Gives output that somebody has taken from the api process's group back to it, as a unit with StateDirectory= did.
  /// How many files there were. Any thread.
  package func shareOutput() -> Int {
    guard let group else { return 0 }
    var shared = 0
    for shard in 0..<256 {
      let directory = "\(path)/output/\(Self.hex(shard))"
      for name in Directory.names(directory) {
        let file = "\(directory)/\(name)"
        var info = stat()
        guard lstat(file, &info) == 0, info.st_gid != group, info.st_mode & S_IFMT == S_IFREG else {
          continue
        }
        if lchown(file, .max, group) == 0 { shared += 1 }
      }
    }
    return shared
  }

  /// Removes a job's files; those that do not exist are gone already.
  package func removeFiles(of id: JobID) {
    let name = JobRecord.outputName(of: id)
    for suffix in [".stdout", ".stderr", ".log"] { unlinkat(output, name + suffix, 0) }
  }

  /// Brings all output to disk, as far as it was written (syncfs(2)).
  package func syncOutput(_ log: Log) {
    let status = jp_sync_file_system(output)
    if status != 0 { log.error("output_not_synced", ["error": SystemError.text(of: -status)]) }
  }

  /// Bytes in the file of a stream; 0 when there is none.
  package func size(of stream: OutputStream, of id: JobID) -> UInt64 {
    var status = stat()
    let name = JobRecord.outputName(of: id) + stream.suffix
    guard fstatat(output, name, &status, 0) == 0 else { return 0 }
    return UInt64(status.st_size)
  }

  /// Whether the job's combined log has a file.
  package func hasLog(_ id: JobID) -> Bool {
    faccessat(output, JobRecord.outputName(of: id) + ".log", F_OK, 0) == 0
  }
}

/// Gets the names in a directory onto the disk.
package func syncDirectory(_ path: String) throws(SystemError) {
  let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard directory >= 0 else { throw SystemError(errno, "open the directory \(path)") }
  defer { close(directory) }
  guard fsync(directory) == 0 else { throw SystemError(errno, "sync the directory \(path)") }
}
