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
      let id = "\(try daemon.onlyJob().id)".suffix(12)
      #expect(session.echoes && session.text.contains("\u{1b}[?1049l"))
      #expect(
        session.text.contains("\"jobctl attach \(id)\"") && session.text.contains("\"jobctl stop \(id)\""))
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
      try session.expect("\u{1b}[?1049l")
      #expect(session.echoes)
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
      let script = """
        trap 'echo size' WINCH; printf '\\033[?1049h'; echo ready; while :; do sleep 0.05; done
        """
      let session = try daemon.terminal(["run", "-t", "sh", "-c", script])
      try session.expect("ready")
      session.signal(signal)
      try Poll.until("it to be stopped") { Processes.status(session.pid, "State").hasPrefix("T") }
      // What SIGSTOP stops cannot restore anything: the shell does.
      if signal == SIGTSTP { #expect(session.echoes && session.text.contains("\u{1b}[?1049l")) }
      session.signal(SIGCONT)
      try Poll.until("the job to have it again") { !session.echoes }
      if signal == SIGTSTP { try session.expect("\u{1b}[?1049h", times: 2) }
      try session.expect("size")
      session.type(TerminalSession.interrupt)
      #expect(try session.wait() == 130)
      #expect(session.echoes)
    }
  }

  /// A terminal that another program has by then is left alone.
  @Test func afterAKillOfOneThatWasStopped() throws {
    try Daemon.with { daemon in
      let session = try begin(daemon)
      let guardian = Processes.children(session.pid)
      session.signal(SIGTSTP)
      try Poll.until("it to be stopped") { Processes.status(session.pid, "State").hasPrefix("T") }
      session.makeRaw()
      let shown = session.text
      session.signal(SIGKILL)
      #expect(try session.wait() == 128 + SIGKILL)
      try Poll.until("the guard's end") { !guardian.contains(where: Processes.isAlive) }
      #expect(!session.echoes && session.text == shown)
    }
  }

  /// As with setsid(1), or on a console: signals do not come from there, but keys do.
  @Test func aTerminalThatIsNoSessions() throws {
    try Daemon.with { daemon in
      let session = try TerminalSession(
        "setsid", ["--wait", Programs.jobctl, "run", "-t", "sh", "-c", "echo ready; read -r line"],
        environment: daemon.jobctlEnvironment("alice"))
      try session.expect("ready")
      #expect(!session.echoes)
      session.type("x\r")
      #expect(try session.wait() == 0)
      #expect(session.echoes)
    }
  }

  /// Who only looks on types nothing to the job, and has the screen that it had.
  @Test(arguments: [SIGINT, SIGTERM, SIGKILL, 0]) func afterLookingOn(signal: Int32) throws {
    try Daemon.with { daemon in
      let first = try begin(daemon)
      let id = try daemon.onlyJob().id
      let session = try daemon.terminal(["attach", "-n", "\(id)"])
      try session.expect("ready")
      #expect(!session.echoes && session.text.contains("Ctrl-C leaves it"))
      if signal == 0 { first.type(TerminalSession.end) } else { session.signal(signal) }
      #expect(try session.wait() == (signal == 0 ? 0 : 128 + signal))
      try session.expect("\u{1b}[?1049l")
      if signal != 0 { #expect(try daemon.onlyJob().status == .running) }
    }
  }

  /// Keys are jobctl's as they come, also where the job has asked for them in another form; all others are dropped.
  @Test(arguments: [
    ("\u{3}", 130), ("\u{1b}[27;5;99~", 130), ("\u{10}\u{11}", 0), ("\u{1b}[112;5u\u{1b}[113;5u", 0),
  ])
  func keysLeaveWhoLooksOn(keys: String, status: Int32) throws {
    try Daemon.with { daemon in
      let first = try begin(daemon)
      let id = try daemon.onlyJob().id
      let script = "\(Programs.jobctl) attach -n \(id); code=$?; echo \"left with $code\"; cat"
      let session = try TerminalSession("sh", ["-c", script], environment: daemon.jobctlEnvironment("alice"))
      try session.expect("ready")
      session.type("echo typed\r")
      session.type(keys)
      try session.expect("left with \(status)")
      #expect(session.echoes && !session.text.contains("typed"), "\(session.text)")
      session.type("\u{4}")
      #expect(try session.wait() == 0)
      #expect(!session.text.contains("typed"), "\(session.text)")
      first.type("x\r")
      try first.expect("got x")
      #expect(!first.text.contains("typed"))
    }
  }

  /// What is typed while jobctl is stopped, or has not read it yet, is not run by the shell.
  @Test func whatWasNotReadIsDropped() throws {
    try Daemon.with { daemon in
      let first = try begin(daemon)
      let id = try daemon.onlyJob().id
      let session = try daemon.terminal(["attach", "-n", "\(id)"])
      try session.expect("ready")
      session.signal(SIGSTOP)
      session.type("echo typed\r")
      session.signal(SIGTERM)
      session.signal(SIGCONT)
      #expect(try session.wait() == 128 + SIGTERM)
      #expect(session.unread == 0 && session.echoes)
      first.type(TerminalSession.end)
      #expect(try first.wait() == 0)
    }
  }

  /// By either form of Ctrl-Z, and more than once.
  @Test func whoLooksOnIsStopped() throws {
    try Daemon.with { daemon in
      _ = try begin(daemon)
      let session = try daemon.terminal(["attach", "-n", "\(try daemon.onlyJob().id)"])
      try session.expect("ready")
      for key in ["\u{1a}", "\u{1b}[122;5u", "\u{1a}"] {
        session.type(key)
        try Poll.until("it to be stopped") { Processes.status(session.pid, "State").hasPrefix("T") }
        #expect(session.echoes)
        session.signal(SIGCONT)
        try Poll.until("it to take keys again") { !session.echoes }
      }
      session.type(TerminalSession.interrupt)
      #expect(try session.wait() == 128 + SIGINT)
      #expect(session.echoes)
    }
  }

  @Test func aSmallerTerminalIsTold() throws {
    try Daemon.with { daemon in
      _ = try begin(daemon)
      let id = try daemon.onlyJob().id
      let script = "stty rows 10 cols 40; exec \(Programs.jobctl) attach -n \(id)"
      let session = try TerminalSession("sh", ["-c", script], environment: daemon.jobctlEnvironment("alice"))
      try session.expect("began as 80x24, this one is 40x10")
      session.type(TerminalSession.interrupt)
      #expect(try session.wait() == 128 + SIGINT)
      let same = try daemon.terminal(["attach", "-n", "\(id)"])
      try same.expect("ready")
      #expect(!same.text.contains("began as"))
      same.type(TerminalSession.leave)
      #expect(try same.wait() == 0)
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
      #expect(session.echoes && session.text.contains("may go on"), "\(session.text)")
      #expect(try daemon.onlyJob().status == .running)
    }
  }
}
