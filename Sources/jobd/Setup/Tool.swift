import Glibc
import JobSupervisor
import Platform

/// Programs that `jobd setup` runs: jobctl, systemctl.
enum Tool {
  struct Outcome {
    /// 128 + N after signal N.
    let status: Int32
    /// What it wrote, to either stream, without the end of its last line.
    let text: String
  }

  /// Bytes of it that are kept.
  private static let most = 1 << 16

  /// Looked up in PATH unless it is a path. It has the terminal, and what it writes is kept.
  static func run(_ words: [String]) throws(SystemError) -> Outcome {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemError(errno, "make a pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let started = Result { () throws(SystemError) in try start(words, output: ends[1]) }
    close(ends[1])
    let pid = try started.get()
    let text = String(decoding: SmallFile.read(ends[0], most: Self.most), as: UTF8.self)
    // One that has more to say comes to its end too.
    while !SmallFile.read(ends[0], most: Self.most).isEmpty {}
    let status = ChildProcess.wait(for: pid)
    return Outcome(
      status: status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f,
      text: String(text.hasSuffix("\n") ? text.dropLast() : text[...]))
  }

  private static func start(_ words: [String], output: Int32) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_adddup2(&actions, output, descriptor)
    }
    var pid: pid_t = 0
    let status = ChildProcess.withVector(words) { posix_spawnp(&pid, words[0], &actions, nil, $0, environ) }
    guard status == 0 else { throw SystemError(status, "start \(words[0])") }
    return pid
  }
}
