import Glibc
import Platform

/// Holds a state directory: one supervisor at a time may use it.
package final class StateLock: Sendable {
  private let file: Int32

  /// Refuses a directory that another process holds. The lock file is never removed: a successor may hold it open
  /// already.
  package init(directory: String) throws(StoreError) {
    let path = "\(directory)/lock"
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError(SystemError(errno, "open \(path)")) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw StoreError(SystemError(code, "lock \(path)")) }
      throw StoreError(
        .inUse, "another jobd uses the state directory \(directory)\(Self.holder(of: file))")
    }
    // For people and for the message above only; the lock itself is what counts.
    let pid = Array("\(getpid())\n".utf8)
    _ = ftruncate(file, 0)
    _ = pwrite(file, pid, pid.count, 0)
  }

  /// That of a predecessor in this process, which kept `descriptor` open across exec: nobody else had it meanwhile.
  package init(handed descriptor: Int32) {
    file = descriptor
    keepAcrossExec(false)
  }

  /// Of an object whose initializer threw too. Unlocked, not closed alone: a process that is being started has a copy
  /// of the descriptor until its exec.
  deinit {
    flock(file, LOCK_UN)
    close(file)
  }

  package var descriptor: Int32 { file }

  package func keepAcrossExec(_ keeps: Bool) { _ = fcntl(file, F_SETFD, keeps ? 0 : FD_CLOEXEC) }

  private static func holder(of file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    let length = max(0, pread(file, &bytes, bytes.count, 0))
    let digits = bytes.prefix(length).prefix { $0 != UInt8(ascii: "\n") }
    guard let pid = Int32(String(decoding: digits, as: UTF8.self)) else { return "" }
    return " (pid \(pid))"
  }
}
