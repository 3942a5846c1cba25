import Glibc
import Harness

/// A file of commands, each of which adds its name to a file when it runs: what ran, and how often, is seen there.
struct BatchFixture {
  let daemon: Daemon
  let commands, runs: String

  init(_ daemon: Daemon) {
    self.daemon = daemon
    (commands, runs) = (daemon.scratch.fresh("commands"), daemon.scratch.fresh("runs"))
  }

  func write(_ lines: [String]) throws {
    try Files.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: commands)
  }

  /// A line for a command that notes that it ran, and then does something.
  func noting(_ name: Int, _ then: String = "true") -> String {
    #"sh -c "echo \#(name) >>\#(runs); \#(then)""#
  }

  /// A command that notes it and waits until ``open()``.
  func waiting(_ name: Int) -> String { noting(name, "until [ -e \(runs).go ]; do sleep 0.02; done") }

  func open() throws { try Files.write([], to: "\(runs).go") }

  /// What ran, in order.
  var ran: [Int] { Files.text(runs).split(separator: "\n").compactMap { Int($0) } }

  func run(_ arguments: String...) throws -> Finished { try start(arguments).wait() }

  func start(_ arguments: [String]) throws -> Running {
    try daemon.startJobctl(["batch"] + arguments + [commands])
  }

  /// Standard input is a pipe into which a shell's commands write.
  func piped(_ script: String, _ arguments: String...) throws -> Finished {
    try Running(
      "sh", ["-c", "{ \(script); } | exec \"$@\"", "sh", Programs.jobctl, "batch"] + arguments,
      environment: daemon.jobctlEnvironment("alice"), directory: daemon.scratch
    ).wait()
  }
}
