import Harness
import Testing

extension Daemon {
  /// Runs `body` with a daemon that is stopped, and whose files are removed, afterwards. `limits`: arguments of
  /// prlimit(1) to start it under.
  static func with(
    _ options: [String] = [], limits: [String] = [], copiesBinary: Bool = false,
    _ body: (Daemon) throws -> Void
  ) throws {
    let under = limits.isEmpty ? [] : ["prlimit"] + limits
    try with(Daemon(options, under: under, copiesBinary: copiesBinary), body)
  }

  static func with(_ daemon: Daemon, _ body: (Daemon) throws -> Void) {
    defer { daemon.scratch.remove() }
    defer { daemon.end() }
    do {
      try body(daemon)
    } catch {
      Issue.record("\(error); the daemon's log:\n\(daemon.log)")
    }
  }
}
