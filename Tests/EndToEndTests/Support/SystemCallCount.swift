import Harness

/// How often all threads of a process make which system call, by strace(1).
struct SystemCallCount {
  private let strace: Strace
  private let summary: String

  init(of pid: Int32, _ scratch: Scratch) throws {
    summary = scratch.fresh("calls")
    strace = try Strace(["-c", "-U", "name,calls", "-o", summary], of: pid, scratch)
  }

  /// Stops counting. Waiting for something to happen is no work: epoll_wait, futex and the restart of either are left
  /// out.
  func end() throws -> [String: Int] {
    try strace.end()
    var counts: [String: Int] = [:]
    for line in Files.text(summary).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let count = Int(words[1]), words[0] != "total" else { continue }
      counts[String(words[0])] = count
    }
    for waiting in ["epoll_wait", "futex", "restart_syscall"] { counts[waiting] = nil }
    return counts
  }
}

extension Daemon {
  /// What the supervisor and the api process called while `body` ran.
  func countingSystemCalls(_ body: () throws -> Void) throws -> (
    supervisor: [String: Int], api: [String: Int]
  ) {
    let counts = try [pid, apiPid].map { try SystemCallCount(of: $0, scratch) }
    let result = Result { try body() }
    let calls = try counts.map { try $0.end() }
    try result.get()
    return (calls[0], calls[1])
  }
}
