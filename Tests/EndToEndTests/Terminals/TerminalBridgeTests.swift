import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What happens to the daemon, or to the connection, while somebody is at a job's terminal.
@Suite(.serialized) struct TerminalBridgeTests {
  private static let lines = 2500
  /// Numbers from 1 on, slowly enough for something to happen meanwhile; and what is typed in between.
  private static let counter = """
    stty -echo; trap 'exit 9' TERM; i=0
    while [ $i -lt \(lines) ]; do i=$((i+1)); echo "<$i>"; [ $((i % 5)) = 0 ] && sleep 0.01; done
    read -r last; echo "last: $last"
    """

  private func expectWhole(_ session: TerminalSession) throws {
    let numbers = session.text.split(separator: "<").compactMap { Int($0.prefix { $0 != ">" }) }
    #expect(numbers == Array(1...Self.lines), "\(numbers.count) numbers")
  }

  private func run(_ daemon: Daemon, at port: Int? = nil, _ disturb: (TerminalSession) throws -> Void) throws
  {
    let session = try daemon.terminal(["run", "-t", "sh", "-c", Self.counter], at: port)
    try session.expect("<300>")
    try daemon.waitUntilHeld(1)
    try disturb(session)
    try session.expect("<\(Self.lines)>\r\n")
    session.type("done\r")
    #expect(try session.wait() == 0)
    #expect(session.text.contains("last: done\r\n"), "\(session.text.suffix(300))")
    try expectWhole(session)
    #expect(session.echoes)
  }

  @Test func aKilledApiProcessIsBridged() throws {
    try Daemon.with { daemon in
      try run(daemon) { session in
        for line in [600, 900, 1200] {
          let before = daemon.apiPid
          kill(before, SIGKILL)
          try Poll.until("another one") { daemon.apiPid != before }
          try session.expect("<\(line)>")
        }
      }
    }
  }

  @Test func aKilledSupervisorIsBridged() throws {
    try Daemon.with { daemon in
      try run(daemon) { session in
        for line in [600, 900] {
          try daemon.killSupervisor()
          try session.expect("<\(line)>")
        }
      }
    }
  }

  @Test func aReloadAndAnUpgradeAreBridged() throws {
    try Daemon.with { daemon in
      try run(daemon) { session in
        #expect(try daemon.control("reload").status == 0)
        try session.expect("<900>")
        #expect(try daemon.control("upgrade").status == 0)
      }
    }
  }

  @Test func aLostConnectionIsBridged() throws {
    try Daemon.with { daemon in
      let relay = try FaultyRelay(to: daemon.port, .cuts, after: .max, faults: 0)
      defer { relay.stop() }
      try run(daemon, at: relay.port) { session in
        for line in [600, 900, 1200] {
          relay.cutAll()
          try session.expect("<\(line)>")
        }
      }
    }
  }

  /// It may be silent for longer than a reply may take, and lose its connection: nobody else gets it.
  @Test func aTerminalIsItsWritersAllAlong() throws {
    try Daemon.with { daemon in
      let relay = try FaultyRelay(to: daemon.port, .cuts, after: .max, faults: 0)
      defer { relay.stop() }
      let script = "stty -echo; echo ready; read -r a; echo \"got $a\""
      let session = try daemon.terminal(
        ["run", "-t", "--reply-timeout", "1s", "sh", "-c", script], at: relay.port)
      try session.expect("ready")
      let id = try daemon.onlyJob().id
      func isRefused() throws -> Bool {
        try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=rival", ["--max-time", "5"]).status == 409
      }
      try Poll.until("the claim") { try isRefused() }
      for cuts in 0..<3 {
        if cuts > 0 { relay.cutAll() }
        let end = Poll.now() + 1.5
        while Poll.now() < end { #expect(try isRefused()) }
      }
      session.type("mine\r")
      try session.expect("got mine")
      #expect(try session.wait() == 0)
    }
  }

  /// While nobody answers keys are kept, and the user is told.
  @Test func whatIsTypedMeanwhileIsNotLost() throws {
    try Daemon.with { daemon in
      let session = try daemon.terminal([
        "run", "-t", "sh", "-c", "stty -echo; echo ready; read -r a; echo \"got $a\"",
      ])
      try session.expect("ready")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor {
        session.type("kept\r")
        try session.expect("[jobctl: connection lost, trying again...]")
      }
      try session.expect("[jobctl: connected again]")
      try session.expect("got kept")
      #expect(try session.wait() == 0)
    }
  }
}
