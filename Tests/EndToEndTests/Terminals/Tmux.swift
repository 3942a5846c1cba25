import Glibc
import Harness

/// A program on a terminal that interprets what it is sent, as people have it: tmux(1).
final class Tmux {
  private let daemon: Daemon
  private let socket: String

  /// jobctl with these arguments, in a window of 30 lines of 100 characters.
  init(_ daemon: Daemon, _ arguments: String...) throws {
    self.daemon = daemon
    socket = daemon.scratch.fresh("tmux")
    let command = [Programs.jobctl] + arguments
    let quoted = command.map { "'\($0)'" }.joined(separator: " ")
    // The last line tells of its end.
    let line = "\(quoted); echo \"ended with $? $(stty -a | grep -o -- '-\\?echo ')\"; sleep 1000"
    try tmux("new-session", "-d", "-x", "100", "-y", "30", "sh", "-c", line)
  }

  deinit { _ = try? tmux("kill-server") }

  @discardableResult
  private func tmux(_ arguments: String...) throws -> String {
    var environment = daemon.jobctlEnvironment("alice")
    environment["SWIFT_BACKTRACE"] = "enable=no"
    let done = try Running(
      "tmux", ["-S", socket, "-f", "/dev/null"] + arguments, environment: environment,
      directory: daemon.scratch
    ).wait()
    guard done.status == 0 else { throw Poll.TimeIsUp(description: "tmux \(arguments): \(done.errorText)") }
    return done.text
  }

  /// What the window shows now.
  var screen: String { get throws { try tmux("capture-pane", "-p") } }

  /// Keys by tmux's names: `C-c`, `Up`, `Enter`.
  func keys(_ names: String...) throws {
    for name in names { try tmux("send-keys", name) }
  }

  /// A line that is typed.
  func type(_ line: String) throws {
    try tmux("send-keys", "-l", line)
    try tmux("send-keys", "Enter")
  }

  func resize(_ columns: Int, _ rows: Int) throws {
    try tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)")
  }

  func expect(_ what: String, _ condition: (String) -> Bool) throws {
    var last = ""
    do {
      try Poll.until(what) {
        last = try screen
        return condition(last)
      }
    } catch {
      throw Poll.TimeIsUp(description: "\(error):\n\(last)")
    }
  }

  func expect(_ text: String) throws { try expect("\"\(text)\" in the window") { $0.contains(text) } }

  /// jobctl's exit status, and that the terminal shows what is typed again.
  func expectEnd(_ status: Int32) throws { try expect("ended with \(status) echo") }
}
