import Glibc
import Platform

/// Starting programs of jobd's own: its other role, and the binary that is to be tried. Jobs are the engine's.
package enum ChildProcess {
  /// In a session of its own: it has no terminal whose Ctrl-C would reach it, or that it could write into; descriptors
  /// 0 to 2 are inherited and `passed` become 3, 4, ...
  static func spawn(_ path: String, _ arguments: [String], passing passed: [Int32]) throws(SystemError)
    -> pid_t
  {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // Move them out of the way first: a target may be another's source.
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    for descriptor in passed {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3 + Int32(passed.count))
      guard copy >= 0 else { throw SystemError(errno, "pass a descriptor to \(path)") }
      copies.append(copy)
    }
    for (index, copy) in copies.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, copy, 3 + Int32(index))
    }
    setAttributes(&attributes)
    var pid: pid_t = 0
    let status = withVector(arguments) { posix_spawn(&pid, path, &actions, &attributes, $0, environ) }
    guard status == 0 else { throw SystemError(status, "start \(path)") }
    return pid
  }

  /// Kills one that nothing watches, and what it has started, and waits for it.
  static func end(_ pid: pid_t) {
    kill(-pid, SIGKILL)
    wait(for: pid)
  }

  /// The wait status of a child that has ended, or is about to.
  @discardableResult
  package static func wait(for pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  /// Replaces this process; returns the errno when that fails.
  package static func exec(_ path: String, _ arguments: [String]) -> Int32 {
    withVector(arguments) { execv(path, $0) }
    return errno
  }

  private static func setAttributes(_ attributes: inout posix_spawnattr_t) {
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    // Swift is not shown POSIX_SPAWN_SETSID.
    let setsid: Int32 = 0x80
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | setsid))
  }

  @discardableResult
  package static func withVector<Result>(
    _ arguments: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for text in vector { free(text) } }
    vector.append(nil)
    return vector.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}
