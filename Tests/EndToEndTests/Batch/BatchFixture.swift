import Glibc
import Harness
import Testing

/// A file of commands, each of which adds its name to a file when it runs: what ran, and how often, is seen there.
struct BatchFixture {
  let daemon: Daemon
  let commands, runs: String
  private let go: Go

  init(_ daemon: Daemon) {
    self.daemon = daemon
    (commands, runs) = (daemon.scratch.fresh("commands"), daemon.scratch.fresh("runs"))
    go = Go(daemon.scratch)
  }

  func write(_ lines: [String]) throws {
    try Files.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: commands)
  }

  /// A line for a command that notes that it ran, and then does something.
  func noting(_ name: Int, _ then: String = "true") -> String {
    #"sh -c "echo \#(name) >>\#(runs); \#(then)""#
  }

  /// A command that notes it and waits until ``open()``.
  func waiting(_ name: Int) -> String { noting(name, go.wait) }

  func open() throws { try go() }

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

/// Gates that hold commands until they are opened; a command that waits at one uses no time.
final class BatchGates {
  private let path: String
  private var closed: [Int32]

  init(_ batch: BatchFixture, count: Int) throws {
    let path = batch.runs + ".gate"
    self.path = path
    closed = (0..<count).map { Glibc.open("\(path)\($0)", O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
    for file in closed { try #require(flock(file, LOCK_EX | LOCK_NB) == 0) }
  }

  deinit { openAll() }

  /// What a command does to wait at one.
  func pass(_ gate: Int) -> String { "flock -s \(path)\(gate) true" }

  func openNext() { if !closed.isEmpty { close(closed.removeFirst()) } }
  func openAll() { while !closed.isEmpty { openNext() } }
}
