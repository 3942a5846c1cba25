import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The terminal of whoever uses jobctl is as it was, however that ends.
@Suite(.serialized) struct TerminalRestoreTests {
  /// A job on a terminal that has switched to the other screen.
  private func begin(_ daemon: Daemon, at port: Int? = nil) throws -> TerminalSession {
    let script = "printf '\\033[?1049h'; echo ready; while read -r line; do echo \"got $line\"; done"
    let session = try daemon.terminal(["run", "-t", "sh", "-c", script], at: port)
    try session.expect("ready")
    #expect(!session.echoes)
    return session
  }

  @Test(arguments: [SIGTERM, SIGHUP, SIGINT, SIGQUIT]) func afterASignal(signal: Int32) throws {
    try Daemon.with { daemon in
      let session = try begin(daemon)
      session.signal(signal)
      #expect(try session.wait() == 128 + signal)
      #expect(
        session.echoes && session.text.contains("\u{1b}[?1049l") && session.text.contains("jobctl attach"))
      #expect(try daemon.onlyJob().status == .running)
    }
  }

  @Test func afterAKill() throws {
    try Daemon.with { daemon in
      let session = try begin(daemon)
      let guardian = Processes.children(session.pid)
      #expect(guardian.count == 1)
      session.signal(SIGKILL)
      #expect(try session.wait() == 128 + SIGKILL)
      try Poll.until("the terminal to be as it was") { session.echoes }
      try Poll.until("the end of what restored it") { !Processes.isAlive(guardian[0]) }
      #expect(try daemon.onlyJob().status == .running)
    }
  }

  @Test func nothingIsLeftAtTheEnd() throws {
    try Daemon.with { daemon in
      let session = try begin(daemon)
      let guardian = Processes.children(session.pid)
      session.type("x\r")
      try session.expect("got x")
      session.type(TerminalSession.end)
      #expect(try session.wait() == 0)
      #expect(session.echoes && !guardian.contains(where: Processes.isAlive))
    }
  }

  @Test(arguments: [SIGTSTP, SIGSTOP]) func whileItIsStopped(signal: Int32) throws {
    try Daemon.with { daemon in
      let script = "trap 'echo size' WINCH; echo ready; while :; do sleep 0.05; done"
      let session = try daemon.terminal(["run", "-t", "sh", "-c", script])
      try session.expect("ready")
      session.signal(signal)
      try Poll.until("it to be stopped") { Processes.status(session.pid, "State").hasPrefix("T") }
      // What SIGSTOP stops cannot restore anything: the shell does.
      if signal == SIGTSTP { #expect(session.echoes) }
      session.signal(SIGCONT)
      try Poll.until("the job to have it again") { !session.echoes }
      try session.expect("size")
      session.type(TerminalSession.interrupt)
      #expect(try session.wait() == 130)
      #expect(session.echoes)
    }
  }

  @Test func afterTheDaemonWasLost() throws {
    try Daemon.with { daemon in
      let relay = try FaultyRelay(to: daemon.port, .cuts, after: .max, faults: 0)
      let session = try begin(daemon, at: relay.port)
      relay.stop()
      try session.expect("[jobctl: connection lost, trying again...]")
      #expect(!session.echoes)
      #expect(try session.wait() == 121)
      #expect(session.echoes && session.text.contains("jobctl attach"), "\(session.text)")
      #expect(try daemon.onlyJob().status == .running)
    }
  }
}
