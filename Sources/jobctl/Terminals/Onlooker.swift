import JobClient

/// Shows what a job writes to its terminal, and leaves the job alone: keys are jobctl's.
enum Onlooker {
  /// Returns the job's status at its end. Where it is shown on a terminal that is as it was then, and also when a signal ends
  /// jobctl.
  static func follow(_ follower: LogFollower) throws -> StatusReply {
    guard Screen.isTerminal else { return try follower.read(follows: true, OutputWriter()) }
    let terminal = try LocalTerminal(takesKeys: false)
    terminal.enter()
    defer { terminal.end() }
    try TerminalSignals.handle(terminal) { signal in
      terminal.end()
      TerminalSignals.die(by: signal)
    }
    return try follower.read(follows: true, TerminalOutput(terminal))
  }
}
