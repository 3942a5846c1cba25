import Glibc
import Harness
import Testing

/// strace(1) on threads of a running process, until it is ended. What the process starts meanwhile is left alone.
final class Strace {
  private let strace: Running
  private let threads: [Int32]

  /// `threads`: those of the process now.
  init(
    _ options: [String], of pid: Int32, where isWanted: (_ thread: Int32) -> Bool = { _ in true },
    _ scratch: Scratch
  )
    throws
  {
    threads = Files.list("/proc/\(pid)/task").compactMap { Int32($0) }.filter(isWanted)
    try #require(!threads.isEmpty)
    let attached = threads.map { "\($0)" }.joined(separator: ",")
    strace = try Running("strace", ["-qq"] + options + ["-p", attached], directory: scratch)
    try Poll.until("strace to attach") {
      if strace.hasEnded { throw Poll.TimeIsUp(description: "strace ended: \(strace.errorText)") }
      // One may have ended meanwhile.
      return threads.allSatisfy { Processes.isTraced($0) || !Files.exists("/proc/\(pid)/task/\($0)") }
    }
  }

  /// Lets them go.
  func end() throws {
    strace.signal(SIGTERM)
    // It may wait for ever for the threads of a process it has killed. Without it the kernel lets them go.
    if (try? Poll.until("strace's end", seconds: 10) { strace.hasEnded }) == nil { strace.signal(SIGKILL) }
    _ = try strace.wait()
    try #require(!threads.contains(where: Processes.isTraced))
  }
}
