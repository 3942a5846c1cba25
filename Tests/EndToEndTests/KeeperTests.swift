import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The process that never dies: what it does when the others do, and what they do when it does.
@Suite(.serialized) struct KeeperTests {
  private static let slow = "i=0; while [ $i -lt 60 ]; do echo $i; sleep 0.1; i=$((i+1)); done; exit 9"
  private static let slowOutput = (0..<60).map { "\($0)\n" }.joined()

  @Test func aSupervisorThatHangsIsReplaced() throws {
    try Daemon.with(["--watchdog-time", "2s"]) { daemon in
      let id = try daemon.client().shell(Self.slow)
      try daemon.waitUntilHeld(1)
      let hung = daemon.pid
      kill(hung, SIGSTOP)
      try Poll.until("another supervisor") { daemon.timesListening == 2 }
      #expect(daemon.pid != hung && !Processes.isAlive(hung))
      #expect(daemon.log.contains("reason=\"it gave no sign of life for 2 s\""))
      #expect(try daemon.client().end(of: id).exitCode == 9)
      #expect(try daemon.client().output(id).stdout == Self.slowOutput)
    }
  }

  /// A process that others talk to could write into the terminal of whoever started the daemon, as if it were typed.
  @Test func onlyTheFirstProcessHasTheTerminalOfWhoeverStartedIt() throws {
    try Daemon.with { daemon in
      for pid in [daemon.pid, daemon.apiPid] { #expect(getsid(pid) == pid) }
      #expect(getsid(daemon.keeperPid) != daemon.keeperPid)
    }
  }

  @Test func anApiProcessThatHangsIsReplaced() throws {
    try Daemon.with(["--watchdog-time", "2s"]) { daemon in
      let (hung, supervisor) = (daemon.apiPid, daemon.pid)
      kill(hung, SIGSTOP)
      try daemon.waitForLog("event=api_silent pid=\(hung)")
      try Poll.until("another api process") { daemon.apiPid != hung }
      #expect(try daemon.client().run("true").1.exitCode == 0)
      #expect(daemon.pid == supervisor)
    }
  }

  /// Silence of others is not what a keeper notices that did not run itself.
  @Test func aKeeperThatWasStoppedBlamesNobody() throws {
    try Daemon.with(["--watchdog-time", "2s"]) { daemon in
      let supervisor = daemon.pid
      kill(daemon.keeperPid, SIGSTOP)
      usleep(3_500_000)
      kill(daemon.keeperPid, SIGCONT)
      usleep(1_500_000)
      #expect(daemon.pid == supervisor && daemon.timesListening == 1)
    }
  }

  /// A supervisor does not wait for a keeper that was stopped, and has what that knows when it goes on.
  @Test func aKeeperThatIsStoppedStopsNobody() throws {
    try Daemon.with { daemon in
      let (go, end) = (Go(daemon.scratch), Go(daemon.scratch))
      let adopted = try daemon.client().shell("\(end.wait); exit 42")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      kill(daemon.keeperPid, SIGSTOP)
      let others = try (0..<3).map { _ in try daemon.client().shell("\(go.wait); exit 7") }
      try daemon.waitForLog("event=job_not_held")
      try go()
      for id in others { #expect(try daemon.client().end(of: id).exitCode == 7) }
      try end()
      #expect(try daemon.client().status(adopted, wait: DurationText("2s")).status == .running)
      kill(daemon.keeperPid, SIGCONT)
      #expect(try daemon.client().end(of: adopted).exitCode == 42)
    }
  }

  @Test func aSignalThatFindsNoSupervisorWaitsForTheNext() throws {
    try Daemon.with(["--grace", "20s"]) { daemon in
      let id = try daemon.client().shell("trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done")
      try daemon.waitUntilHeld(1)
      let supervisor = daemon.pid
      kill(daemon.keeperPid, SIGSTOP)
      kill(supervisor, SIGKILL)
      try Poll.until("the supervisor's end") { !Processes.isAlive(supervisor) }
      daemon.signal(SIGTERM)
      kill(daemon.keeperPid, SIGCONT)
      try Poll.until("the daemon's end") { daemon.hasEnded }
      #expect(daemon.log.contains("event=stopping signal=SIGTERM jobs=1"))
      try daemon.start()
      #expect(try daemon.client().status(id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "bye\n")
    }
  }

  /// The supervisor was told to end, and died over it: the next one ends.
  @Test func anEndThatWasAskedForIsNotForgotten() throws {
    try Daemon.with(["--grace", "3s"]) { daemon in
      _ = try daemon.client().shell("trap '' TERM; while :; do sleep 0.05; done")
      try daemon.waitUntilHeld(1)
      daemon.signal(SIGTERM)
      try daemon.waitForLog("event=stopping")
      kill(daemon.pid, SIGKILL)
      try Poll.until("the daemon's end") { daemon.hasEnded }
      #expect(daemon.log.split(separator: "\n").count { $0.contains("event=stopping") } == 2)
    }
  }

  /// No supervisor lives long enough to end the jobs: they are not left without anybody.
  @Test func anEndThatNobodyCanBringAboutIsOne() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("trap '' TERM; echo $$; while :; do sleep 0.05; done")
      try daemon.waitUntilHeld(1)
      let job = try #require(try daemon.client().detail(id).pid)
      try Files.write(Array("nonsense".utf8), to: "\(daemon.scratch.path)/jobd.json5")
      kill(daemon.pid, SIGKILL)
      daemon.signal(SIGTERM)
      try Poll.until("the daemon's end") { daemon.hasEnded }
      #expect(daemon.log.contains("jobd-keeper: no supervisor starts that could end in order"))
      #expect(daemon.log.contains("1 jobs were killed"))
      try Poll.until("the job's end") { !Processes.isAlive(job) }
      try Files.write(Array("{}".utf8), to: "\(daemon.scratch.path)/jobd.json5")
      try daemon.start()
    }
  }

  /// One that cannot notice it goes with its supervisor all the same.
  @Test func aStoppedApiProcessEndsWithItsSupervisor() throws {
    try Daemon.with { daemon in
      let api = daemon.apiPid
      kill(api, SIGSTOP)
      try daemon.killSupervisor()
      try Poll.until("its end") { !Processes.isAlive(api) }
      #expect(try daemon.client().run("true").1.exitCode == 0)
    }
  }

  @Test func whenTheKeeperDiesJobsAreEndedInOrder() throws {
    try Daemon.with(["--grace", "20s"]) { daemon in
      let polite = try daemon.client().shell(
        "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done")
      try Poll.until("the trap") { try daemon.client().output(polite).stdout == "up\n" }
      let (supervisor, api) = (daemon.pid, daemon.apiPid)
      kill(daemon.keeperPid, SIGKILL)
      try Poll.until("the end of all") { !Processes.isAlive(supervisor) && !Processes.isAlive(api) }
      #expect(daemon.log.contains("event=keeper_died"))
      #expect(daemon.log.contains("the keeper died: the jobs were ended, and their results saved"))
      _ = daemon.hasEnded
      try daemon.start()
      #expect(try daemon.client().status(polite).exitCode == 3)
      #expect(try daemon.client().output(polite).stdout == "up\nbye\n")
    }
  }

  @Test func aDaemonThatCannotStartSaysWhy() throws {
    try Daemon.with { daemon in
      let taken = try Running(
        daemon.program,
        ["--state-directory", daemon.scratch.fresh("state"), "--listen", "127.0.0.1:\(daemon.port)"]
          + daemon.pki.serverOptions, directory: daemon.scratch
      ).wait()
      #expect(taken.status == 1 && taken.errorText.contains("Address already in use"), "\(taken.errorText)")
      let wrong = try Running(daemon.program, ["--no-such"], directory: daemon.scratch).wait()
      #expect(wrong.status == 2)
      for role in ["supervisor", "api"] {
        let alone = try Running(daemon.program, [role], directory: daemon.scratch).wait()
        #expect(alone.status != 0 && alone.errorText.contains("see jobd --help"))
        #expect(!alone.errorText.contains("starting"), "\(alone.errorText)")
      }
      let keeper = try Running(Programs.keeper, [], directory: daemon.scratch).wait()
      #expect(keeper.status == 2 && keeper.errorText.contains("is started by jobd itself"))
    }
  }

  /// Dying again and again it is started again and again, ever later; jobs go on.
  @Test func aSupervisorThatCannotGoOnIsStartedUntilItCan() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell(Self.slow)
      try daemon.waitUntilHeld(1)
      let settings = "\(daemon.scratch.path)/jobd.json5"
      try Files.write(Array("nonsense".utf8), to: settings)
      kill(daemon.pid, SIGKILL)
      try Poll.until("some starts that fail") {
        daemon.log.split(separator: "\n").count { $0.hasPrefix("jobd: ") } >= 4
      }
      #expect(!daemon.hasEnded)
      try Files.write(Array("{}".utf8), to: settings)
      try Poll.until("another supervisor") { daemon.timesListening == 2 }
      #expect(try daemon.client().end(of: id).exitCode == 9)
      #expect(try daemon.client().output(id).stdout == Self.slowOutput)
    }
  }

  /// What a job leaves behind comes to the keeper when the supervisor is dead, and to nobody else.
  @Test func orphansAreReapedAtOnce() throws {
    try Daemon.with { daemon in
      // Held zombies in front of others hide them from waitid(2).
      let client = daemon.client()
      let (go, end) = (Go(daemon.scratch), Go(daemon.scratch))
      let ended = try (0..<3).map { _ in try client.shell("\(go.wait); exit 4") }
      let long = try client.shell("for i in 1 2 3; do (sh -c '\(go.wait)' &) ; done; \(end.wait); exit 6")
      try daemon.waitUntilHeld(4)
      let pids = try ended.map { try client.pid(of: $0) }
      try daemon.killSupervisor {
        try go()
        try Poll.until("their ends") { pids.allSatisfy { !Processes.isAlive($0) } }
      }
      for id in ended { #expect(try daemon.client().end(of: id).exitCode == 4) }
      try end()
      #expect(try daemon.client().end(of: long).exitCode == 6)
      try Poll.until("no child but the supervisor") {
        Processes.children(daemon.keeperPid) == [daemon.pid]
      }
    }
  }

  /// An ignored SIGCHLD, which exec keeps, would lose every exit code.
  @Test func whatTheParentIgnoredIsNotInherited() throws {
    let hostile = ["sh", "-c", "trap '' CHLD HUP TERM PIPE; exec \"$@\"", "sh"]
    try Daemon.with(Daemon(under: hostile)) { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell("trap 'exit 5' TERM; \(go.wait); exit 42")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 42)
      let trapped = try daemon.client().shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
      try Poll.until("the trap") { try daemon.client().output(trapped).stdout == "up\n" }
      #expect(try daemon.client().stop(trapped).exitCode == 5)
    }
  }

  @Test func whatCannotBeHeldIsToldAndCounted() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let room = Processes.descriptors(daemon.keeperPid) + 1
      let limited = try Running(
        "prlimit", ["--pid", "\(daemon.keeperPid)", "--nofile=\(room):4096"], directory: daemon.scratch
      ).wait()
      try #require(limited.status == 0, "\(limited.errorText)")
      let go = Go(daemon.scratch)
      let jobs = try (0..<3).map { _ in try daemon.client().shell("\(go.wait); exit 7") }
      try daemon.waitForLog("event=job_not_held")
      try Poll.until("two that are not held") { try Metrics(daemon)["jobd_hold_failures_total"] == 2 }
      #expect(try daemon.held == 1)
      try go()
      for id in jobs { #expect(try daemon.client().end(of: id).exitCode == 7) }
    }
  }

  @Test func itLinksLibcOnlyAndIsConfined() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let needed = try Running("readelf", ["-d", Programs.keeper], directory: scratch).wait().text
      .split(separator: "\n").filter { $0.contains("(NEEDED)") }
    #expect(needed.count == 1 && needed[0].contains("libc.so.6"), "\(needed)")
    try Daemon.with { daemon in
      #expect(Processes.status(daemon.keeperPid, "Seccomp") == "2")
      #expect(Processes.status(daemon.keeperPid, "NoNewPrivs") == "1")
      // Not dumpable: what it holds can be read by root alone.
      var info = stat()
      #expect(stat("/proc/\(daemon.keeperPid)/environ", &info) == 0 && info.st_uid == 0)
      #expect(Processes.status(daemon.pid, "Seccomp") == "0")
      let (job, _) = try daemon.client().run("grep", "-E", "Seccomp:|NoNewPrivs", "/proc/self/status")
      #expect(try daemon.client().output(job).stdout == "NoNewPrivs:\t0\nSeccomp:\t0\n")
      #expect(Processes.anonymous(daemon.keeperPid) < 1024)
    }
  }
}
