import JobClient
import Platform

/// What a job gets that has a terminal: its first size, and what its programs take the terminal for.
enum TerminalRequest {
  static func add(
    to request: inout CreateRequest, _ invocation: Invocation, _ environment: Environment = Environment()
  ) throws {
    if invocation.has("merge") { throw invocation.usage("--tty excludes --merge: a terminal has one output") }
    request.tty = LocalTerminal.size
    let own = ["TERM": environment["TERM"] ?? "xterm", "COLORTERM": environment["COLORTERM"]]
    for (name, value) in own where request.secretEnv?[name] == nil && request.env?[name] == nil {
      if let value { request.env = (request.env ?? [:]).merging([name: value]) { $1 } }
    }
  }

  /// Throws where jobctl has no terminal to show the job's on.
  static func requireLocal(_ invocation: Invocation, instead: String) throws {
    guard !LocalTerminal.isThere else { return }
    throw invocation.usage("standard input and output must be a terminal for that: \(instead)")
  }
}

extension Option {
  static let detachKeys = Option(
    "detach-keys", .keys,
    "What leaves the job's terminal, with a comma between each two keys; \(DetachKeys.standard) if not given, empty: nothing."
  )
}

extension Invocation {
  /// Checked by its option.
  var detachKeys: DetachKeys { DetachKeys(value("detach-keys") ?? DetachKeys.standard)! }
}
