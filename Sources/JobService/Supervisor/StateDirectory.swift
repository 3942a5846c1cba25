import Glibc
import JobAPI

/// The directory that outlives the daemon: the database and, below `output`, the files of the jobs' output.
/// Readable by the api process's group, written by the supervisor alone.
struct StateDirectory {
  let path: String
  /// Descriptor of `output`, open as long as the process lives.
  let output: Int32
  /// Group of the api process when it runs as a user of its own; nil: as the supervisor.
  let group: gid_t?

  static let fileMode: mode_t = 0o640
  /// With the set-group-ID bit: a new file has the group from the start, so that none is there unreadable for a moment.
  private static let directoryMode: mode_t = 0o2750

  /// Opens the directory and makes what is missing in it.
  init(path: String, group: gid_t?) throws(SystemError) {
    self.path = path
    self.group = group
    try Self.makeParents(of: path)
    try Self.make(path, group)
    try Self.make(path + "/output", group)
    for shard in 0..<256 {
      try Self.make("\(path)/output/\(Self.hex(shard))", group)
    }
    output = open(path + "/output", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard output >= 0 else { throw SystemError(errno, "open \(path)/output") }
  }

  static func hex(_ byte: Int) -> String {
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

  private static func make(_ path: String, _ group: gid_t?) throws(SystemError) {
    if mkdir(path, directoryMode) != 0 {
      guard errno == EEXIST else { throw SystemError(errno, "make directory \(path)") }
    }
    guard let group else { return }
    guard chown(path, .max, group) == 0, chmod(path, directoryMode) == 0 else {
      throw SystemError(errno, "give directory \(path) to group \(group)")
    }
  }

  /// Removes a job's files; those that do not exist are gone already.
  func removeFiles(of id: JobID) {
    let name = JobRecord.outputName(of: id)
    for suffix in [".stdout", ".stderr", ".log"] { unlinkat(output, name + suffix, 0) }
  }

  /// Bytes in the file of a stream; 0 when there is none.
  func size(of stream: OutputStream, of id: JobID) -> UInt64 {
    var status = stat()
    let name = JobRecord.outputName(of: id) + stream.suffix
    guard fstatat(output, name, &status, 0) == 0 else { return 0 }
    return UInt64(status.st_size)
  }

  /// Whether the job's combined log has a file.
  func hasLog(_ id: JobID) -> Bool { faccessat(output, JobRecord.outputName(of: id) + ".log", F_OK, 0) == 0 }
}

extension OutputStream {
  var suffix: String { self == .stdout ? ".stdout" : ".stderr" }
}
