import Glibc
import Platform

/// Holds a state directory: one supervisor at a time may use it.
package final class StateLock: Sendable {
  private let file: Int32
  /// Milliseconds to wait where who locked it is gone: a process that it was starting has a copy of the descriptor until
  /// its exec.
  private static let execPatience = 5000

  /// Refuses a directory that another process holds, or that is another user's. `patience`: milliseconds to wait for one
  /// that is ending. The lock file is never removed: a successor may hold it open already.
  package init(directory: String, patience: Int = 0) throws(StoreError) {
    try Self.checkOwner(of: directory)
    let path = "\(directory)/lock"
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw StoreError(SystemError(errno, "open \(path)")) }
    var waited = 0
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK else { throw StoreError(SystemError(errno, "lock \(path)")) }
      let holder = Self.holder(in: directory)
      guard waited < max(patience, holder.map(Self.isGone) == true ? Self.execPatience : 0) else {
        throw StoreError(
          .inUse, "another jobd uses the state directory \(directory)\(holder.map { " (pid \($0))" } ?? "")")
      }
      waited += 10
      usleep(10_000)
    }
    // For people and for the message above only; the lock itself is what counts.
    let pid = Array("\(getpid())\n".utf8)
    _ = ftruncate(file, 0)
    _ = pwrite(file, pid, pid.count, 0)
  }

  /// Of an object whose initializer threw too. Unlocked, not closed alone: a process that is being started has a copy
  /// of the descriptor until its exec.
  deinit {
    flock(file, LOCK_UN)
    close(file)
  }

  /// Refuses a directory of another user, who could put anything into it.
  package static func checkOwner(of directory: String) throws(StoreError) {
    var info = stat()
    guard stat(directory, &info) == 0 else { throw StoreError(SystemError(errno, "look at \(directory)")) }
    guard info.st_uid != geteuid() else { return }
    let owner = Account(info.st_uid)?.name ?? "\(info.st_uid)"
    throw StoreError(
      .other,
      "the state directory \(directory) belongs to the user \(owner), and this jobd runs as \(Account.own.name): "
        + "give it to \(Account.own.name) or choose another with --state-directory")
  }

  /// A process that has ended has no program any more, also where nobody has asked how it ended (proc_pid_exe(5)).
  private static func isGone(_ pid: pid_t) -> Bool {
    var byte: CChar = 0
    return readlink("/proc/\(pid)/exe", &byte, 1) < 0 && errno == ENOENT
  }

  /// The process that locked a directory last.
  package static func holder(in directory: String) -> pid_t? {
    guard let bytes = try? SmallFile.read("\(directory)/lock", most: 16) else { return nil }
    return pid_t(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
