import Glibc
import Harness
import Testing

/// System calls of a running process that fail as strace(1) is told, until it is ended.
struct Injection {
  private let strace: Strace

  /// `faults`: what `strace -e inject=` takes. `paths`: only calls on these files. `thread`: only the thread of this
  /// name; else all that there are now. What the process starts meanwhile is left alone.
  init(
    _ faults: String, into pid: Int32, thread: String? = nil, paths: [String] = [], _ scratch: Scratch
  ) throws {
    let calls = faults.prefix { $0 != ":" }
    let options =
      ["-o", "/dev/null", "-e", "trace=\(calls)", "-e", "inject=\(faults)"] + paths.flatMap { ["-P", $0] }
    strace = try Strace(
      options, of: pid,
      where: { id in thread.map { Files.text("/proc/\(pid)/task/\(id)/comm") == "\($0)\n" } ?? true }, scratch
    )
  }

  /// The cause is gone.
  func end() throws { try strace.end() }
}

extension Daemon {
  /// Runs `body` while system calls of the supervisor, or of another process, fail.
  func withFaults<Result>(
    _ faults: String, into pid: Int32? = nil, thread: String? = nil, paths: [String] = [],
    _ body: () throws -> Result
  ) throws -> Result {
    let injection = try Injection(faults, into: pid ?? self.pid, thread: thread, paths: paths, scratch)
    let result = Swift.Result { try body() }
    try injection.end()
    return try result.get()
  }
}

/// Another client's job, which goes on and is followed while something fails, and must not notice.
final class Bystander {
  private let daemon: Daemon
  private let stop: String
  private let follower: Running

  init(_ daemon: Daemon) throws {
    self.daemon = daemon
    stop = daemon.scratch.fresh("stop")
    let pause = daemon.scratch.fresh("pause")
    try #require(mkfifo(pause, 0o666) == 0 && chmod(pause, 0o666) == 0)
    // It starts no process: that may be what fails.
    let script = """
      exec 3<>\(pause); i=0
      while [ ! -e \(stop) ]; do echo $i; i=$((i+1)); read -t 0.02 -u 3; done; exit 7
      """
    follower = try daemon.startJobctl(["run", "bash", "-c", script], as: "bob")
    try Poll.until("a bystander's output") { !follower.output.isEmpty }
  }

  /// Lets it end: it has its exit code and every line, and had some of them meanwhile.
  func end() throws {
    let lines = follower.output.count
    try Poll.until("more of a bystander's output") { follower.output.count > lines }
    try Files.write([], to: stop)
    let done = try follower.wait()
    #expect(done.status == 7, "\(done.errorText)")
    let numbers = done.text.split(separator: "\n").map { Int($0) }
    #expect(numbers == Array(0..<numbers.count))
  }
}
