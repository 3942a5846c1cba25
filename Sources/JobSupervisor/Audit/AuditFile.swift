import CPlatform
import Glibc
import JobModel
import JobStore
import Platform

/// A file that the lines of an audit trail are appended to. What is in it is whole lines, always, where it can be cut;
/// one that may only be appended to (chattr(1)) has a line completed that was begun. The writer's thread only.
final class AuditFile: AuditTarget {
  private let path: String
  private let file: Int32
  /// Before the last lines, with what ``begun`` was then; and after them.
  private var start: (size: off_t, begun: Int) = (0, 0)
  private var end: off_t = 0
  /// Bytes of the first of the lines to come that are there already.
  private var begun = 0
  /// Up to where there is room on the disk.
  private var roomEnd: off_t = 0
  private var canKeepRoom = true

  static let room: off_t = 1 << 20

  /// Makes it where there is none. `patience`: milliseconds to wait for another process that has it and is ending.
  init(_ path: String, patience: Int) throws(DaemonError) {
    self.path = path
    // One that is no file is not waited for.
    file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
    guard file >= 0 else { throw Self.cannot(errno, "open", path) }
    try Self.checkKind(of: file, path)
    try lock(patience)
    try endLastLine()
    try syncPlace()
  }

  /// Of an object whose initializer threw too. The room that it does not need is given back. Unlocked, not closed alone: a
  /// process that is being started has a copy of the descriptor until its exec.
  deinit {
    if roomEnd > 0 { _ = ftruncate(file, size) }
    flock(file, LOCK_UN)
    close(file)
  }

  /// What would keep it from being opened, as far as it can be known without making it.
  static func check(_ path: String) throws(DaemonError) {
    guard access(path, F_OK) == 0 else {
      let directory = Path.directory(of: path)
      guard access(directory, W_OK | X_OK) == 0 else { throw cannot(errno, "make", path) }
      return
    }
    let file = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw cannot(errno, "open", path) }
    defer { close(file) }
    try checkKind(of: file, path)
  }

  private static func checkKind(of file: Int32, _ path: String) throws(DaemonError) {
    var info = stat()
    guard fstat(file, &info) == 0 else { throw cannot(errno, "look at", path) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw DaemonError("cannot use the audit file \(path): it is no regular file")
    }
  }

  private static func cannot(_ code: Int32, _ what: String, _ path: String) -> DaemonError {
    DaemonError("\(SystemError(code, "\(what) the audit file \(path)"))")
  }

  /// Two that cut it would take each other's lines. A file system without locks has none to see.
  private func lock(_ patience: Int) throws(DaemonError) {
    let deadline = Deadline(after: Int64(patience))
    while flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      guard deadline.left > 0 else {
        throw DaemonError("another process writes the audit file \(path): each jobd needs one of its own")
      }
      usleep(10_000)
    }
  }

  /// After a power cut the last line may be there in part.
  private func endLastLine() throws(DaemonError) {
    var last: UInt8 = 0
    guard size > 0, pread(file, &last, 1, size - 1) == 1, last != UInt8(ascii: "\n") else { return }
    guard Glibc.write(file, "\n", 1) == 1 else { throw Self.cannot(errno, "write", path) }
  }

  /// Or a file that was just made could be gone after a power cut, with lines that were on disk.
  private func syncPlace() throws(DaemonError) {
    do throws(SystemError) {
      try syncDirectory(Path.directory(of: path))
    } catch {
      // Some file systems have nothing to sync there.
      guard error.code == EINVAL else { throw DaemonError("the audit file \(path): \(error)") }
    }
  }

  private var size: off_t {
    var info = stat()
    return fstat(file, &info) == 0 ? info.st_size : 0
  }

  var isReplaced: Bool {
    var (mine, there) = (stat(), stat())
    return fstat(file, &mine) != 0 || stat(path, &there) != 0
      || (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino)
  }

  func write(_ lines: [AuditLine]) -> (count: Int, error: SystemError?) {
    noteSize()
    start = (end, begun)
    let bytes = lines.reduce(into: []) { $0 += $1.bytes }.dropFirst(begun)
    let (written, error) = append(bytes)
    end += off_t(written)
    guard let error else {
      begun = 0
      return (lines.count, nil)
    }
    var (whole, length) = (0, -begun)
    while length + lines[whole].bytes.count <= written {
      length += lines[whole].bytes.count
      whole += 1
    }
    begun = length == written || cut(to: start.size + off_t(length)) ? 0 : written - length
    return (whole, error)
  }

  private func append(_ bytes: ArraySlice<UInt8>) -> (written: Int, error: SystemError?) {
    bytes.withUnsafeBytes { bytes in
      var written = 0
      while written < bytes.count {
        let count = Glibc.write(file, bytes.baseAddress! + written, bytes.count - written)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
          return (written, SystemError(count < 0 ? errno : ENOSPC, "write the audit file \(path)"))
        }
        written += count
      }
      return (written, nil)
    }
  }

  private func cut(to size: off_t) -> Bool {
    roomEnd = 0
    guard ftruncate(file, size) == 0 else { return false }
    end = size
    return true
  }

  /// Who cut it meanwhile gave its room back.
  private func noteSize() {
    let size = size
    if size < end { roomEnd = 0 }
    end = size
  }

  func sync() throws(AuditNotSynced) {
    guard fdatasync(file) != 0 else { return }
    let error = SystemError(errno, "bring the audit file \(path) to disk")
    // What the kernel could not write it forgets: it is written anew.
    let isTakenBack = cut(to: start.size)
    if isTakenBack { begun = start.begun }
    throw AuditNotSynced(error: error, isTakenBack: isTakenBack)
  }

  func keepRoom() throws(SystemError) {
    noteSize()
    guard canKeepRoom, roomEnd - end < Self.room / 2 else { return }
    switch jp_keep_room(file, end, Self.room) {
    case 0: roomEnd = end + Self.room
    case -EOPNOTSUPP, -ENOSYS: canKeepRoom = false
    case let error: throw SystemError(error, "keep room for the audit file \(path)")
    }
  }
}
