import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The supervisor's binary is replaced while its jobs run.
@Suite(.serialized) struct UpgradeTests {
  /// Asks for an upgrade, and waits for what the log says of it.
  private func upgrade(_ daemon: Daemon, _ outcome: String) throws {
    func count() -> Int { daemon.log.split(separator: "\n").filter { $0.contains("event=\(outcome)") }.count }
    let before = count()
    daemon.signal(SIGUSR2)
    try Poll.until("the upgrade") { count() > before }
  }

  @Test func jobsGoOnOverManyUpgrades() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let counting = try client.shell(
        "i=0; while [ $i -lt 1500 ]; do echo o$i; echo e$i >&2; sleep 0.02; i=$((i+1)); done; exit 11")
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let fed = try client.create(request)
      let timed = try client.create(
        {
          var request = CreateRequest(cmd: "sleep", args: ["1000"])
          request.timeout = DurationText("20s")
          return request
        }())
      let keeper = daemon.keeperPid
      var codes: [(JobID, Int32)] = []
      for round in 0..<50 {
        let (before, status) = try daemon.client().run("sh", "-c", "exit \(round)")
        codes.append((before, status.exitCode ?? -1))
        try upgrade(daemon, "upgraded")
        #expect(daemon.keeperPid == keeper && Processes.isAlive(keeper))
      }
      #expect(codes.map(\.1) == (0..<50).map { Int32($0) })
      let fresh = daemon.client()
      let input = try daemon.curl(
        "PUT", "/jobs/\(fed)/stdin", ["--data-binary", "still fed", "-H", "Content-Type: text/plain"])
      #expect(input.status == 200)
      #expect(try fresh.end(of: fed).exitCode == 0)
      #expect(try fresh.output(fed).stdout == "still fed")
      #expect(try fresh.end(of: timed).timedOut == true)
      #expect(try fresh.end(of: counting).exitCode == 11)
      let expected = ((0..<1500).map { "o\($0)\n" }.joined(), (0..<1500).map { "e\($0)\n" }.joined())
      let output = try fresh.output(counting)
      #expect((output.stdout, output.stderr) == expected)
      let log = try daemon.jobctl("logs", "\(counting)")
      #expect((log.text, log.errorText) == expected)
      for (id, code) in codes { #expect(try fresh.status(id).exitCode == code) }
      #expect(Processes.children(daemon.pid) == [daemon.apiPid])
    }
  }

  @Test func aBinaryThatDoesNotStartIsNotTaken() throws {
    try Daemon.with(copiesBinary: true) { daemon in
      let client = daemon.client()
      let id = try client.shell("sleep 2; exit 3")
      try Programs.install(script: "#!/bin/sh\nexit 1\n", at: daemon.program, daemon.scratch)
      try upgrade(daemon, "upgrade_failed")
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().run("/bin/true").1.exitCode == 0)
    }
  }

  @Test func aBinaryThatCannotUseWhatItWillFindIsNotTaken() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("sleep 2; exit 3")
      try Files.write(Array("not a configuration".utf8), to: "\(daemon.scratch.path)/jobd.json5")
      try upgrade(daemon, "upgrade_failed")
      #expect(daemon.log.contains("jobd.json5"))
      #expect(try daemon.client().end(of: id).exitCode == 3)
    }
  }

  /// The order of the output is in memory alone, and the disk does not take it: this binary goes on with it.
  @Test func anOrderThatIsNotOnDiskIsNotLeftBehind() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell(
        "for i in 1 2 3; do echo o$i; sleep 0.1; echo e$i >&2; sleep 0.1; done; \(go.wait)")
      // Nobody follows it: its index is nowhere but in memory.
      let file = "\(daemon.state)/output/\("\(id)".suffix(2))/\(id)"
      try Poll.until("the output") { Files.text("\(file).stderr") == "e1\ne2\ne3\n" }
      try #require(mkdir("\(file).log", 0o700) == 0)
      try upgrade(daemon, "upgrade_failed")
      try #require(rmdir("\(file).log") == 0)
      try upgrade(daemon, "upgraded")
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let log = try daemon.jobctl("logs", "-o", "json", "\(id)").text
      let order = log.matches(of: #/[oe][123](?=\\n)/#).map { String($0.output) }
      #expect(order == ["o1", "e1", "o2", "e2", "o3", "e3"])
    }
  }

  /// A successor that cannot keep an api process yet does not give the jobs up.
  @Test func jobsGoOnWhenTheApiProcessDiesRightAfterAnUpgrade() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("sleep 3; echo out; exit 3")
      let old = daemon.apiPid
      daemon.signal(SIGUSR2)
      var killed: Set<Int32> = [old]
      try Poll.until("api processes to kill") {
        for pid in Processes.children(daemon.pid) where Processes.isApi(pid) && !killed.contains(pid) {
          kill(pid, SIGKILL)
          killed.insert(pid)
        }
        return killed.count > 4
      }
      #expect(!daemon.hasEnded)
      try Poll.until("an answer") { (try? daemon.client().status(id)) != nil }
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "out\n")
    }
  }
}

/// Upgrades to binaries that pass the trial and fail afterwards: `does` is what one of them does as a supervisor.
@Suite(.serialized) struct FailedUpgradeTests {
  private func with(_ does: String, _ body: (Daemon, JobID) throws -> Void) throws {
    try Daemon.with(copiesBinary: true) { daemon in
      let id = try daemon.client().shell("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done; exit 3")
      try Files.write(Array(does.utf8), to: "\(daemon.program).does")
      try Programs.install(Programs.fakeSupervisor, at: daemon.program, daemon.scratch)
      try body(daemon, id)
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "1\n2\n3\n4\n5\n6\n7\n8\n")
    }
  }

  @Test(arguments: [
    ("die", "it ended with status 3"), ("crash", "it ended by signal 9"),
    ("hang", "it gave no sign of life for 1 s"), ("speak", "it ended with status 5"),
  ]) func theBinaryBeforeGoesOn(does: String, reason: String) throws {
    try with(does) { daemon, _ in
      let keeper = daemon.keeperPid
      let done = try daemon.control("upgrade")
      #expect(done.status == 1)
      #expect(
        done.errorText
          == "jobd: the new binary did not serve, the one before does again: \(reason)\n")
      #expect(
        daemon.keeperPid == keeper && Files.target("/proc/\(daemon.pid)/exe").hasSuffix("/jobd (deleted)"))
      #expect(daemon.log.contains("event=upgrade_failed reason=\"\(reason)\""))
    }
  }

  /// The trial found the keys in order, and the api process does not: jobs are not touched by a supervisor that gives up.
  @Test func aBinaryThatCannotServeIsGivenUp() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options, copiesBinary: true) { daemon in
      let id = try daemon.client().shell("trap 'echo TERM' TERM; sleep 6; exit 3")
      try daemon.waitUntilHeld(1)
      let certificate = "\(own.directory)/server.crt"
      let before = Files.read(certificate)
      let script = "#!/bin/sh\necho nonsense >\(certificate)\nexec \(Programs.jobd) \"$@\"\n"
      try Programs.install(script: script, at: "\(daemon.program).sh", daemon.scratch)
      try Files.write(Array("script".utf8), to: "\(daemon.program).does")
      try Programs.install(Programs.fakeSupervisor, at: daemon.program, daemon.scratch)
      let asked = try daemon.startControl("upgrade")
      try daemon.waitForLog("event=not_ready")
      try Files.write(before, to: certificate)
      let done = try asked.wait()
      #expect(
        done.errorText
          == "jobd: the new binary did not serve, the one before does again: it ended with status 1\n")
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "")
    }
  }

  /// An earlier binary cannot read the state any more: the new one is started until it, or one that is put in its place,
  /// can go on.
  @Test func thereIsNoWayBackOnceItHasMigrated() throws {
    try with("migrate and die") { daemon, id in
      let asked = try daemon.startControl("upgrade")
      var seen: Set<pid_t> = []
      try Poll.until("some starts of the new binary") {
        seen.formUnion(
          Processes.children(daemon.keeperPid).filter { Files.target("/proc/\($0)/exe") == daemon.program })
        return seen.count >= 3
      }
      #expect(!daemon.log.contains("event=upgrade_failed") && !asked.hasEnded)
      try Programs.install(Programs.jobd, at: daemon.program, daemon.scratch)
      let done = try asked.wait()
      #expect(done.status == 1)
      #expect(done.errorText == "jobd: the supervisor died, and another serves: it ended with status 4\n")
    }
  }

  /// The keeper's own program is replaced with the supervisor's, in the same process.
  @Test func aNewKeeperTakesThePlaceOfTheOld() throws {
    try Daemon.with(copiesBinary: true) { daemon in
      let id = try daemon.client().shell("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done; exit 3")
      try daemon.waitUntilHeld(1)
      let (pid, file) = (daemon.keeperPid, "\(daemon.scratch.path)/jobd-keeper")
      #expect(Files.target("/proc/\(pid)/exe") == file)
      try Programs.install(Programs.keeper, at: file, daemon.scratch)
      #expect(Files.target("/proc/\(pid)/exe") == "\(file) (deleted)")
      for round in 1...3 {
        let done = try daemon.control("upgrade")
        #expect(done.status == 0, "\(done.errorText)")
        #expect(daemon.keeperPid == pid && Files.target("/proc/\(pid)/exe") == file)
        #expect(try daemon.control("status").text.contains("number \(round + 1) of this keeper"))
      }
      try daemon.killSupervisor()
      #expect(Processes.status(pid, "Seccomp") == "2")
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "1\n2\n3\n4\n5\n6\n7\n8\n")
      try Poll.until("no child but the supervisor") { Processes.children(pid) == [daemon.pid] }
    }
  }

  @Test func aKeeperThatDoesNotStartIsNotTaken() throws {
    try Daemon.with(copiesBinary: true) { daemon in
      let keeper = "\(daemon.scratch.path)/jobd-keeper"
      for script in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n", "#!/bin/sh\nsleep 1000\n"] {
        try Programs.install(script: script, at: keeper, daemon.scratch)
        let done = try daemon.control("upgrade")
        #expect(done.status == 1, "\(done.errorText)")
        #expect(daemon.log.contains("jobd: \(keeper) does not start, or is no keeper"))
        #expect(try daemon.client().run("true").1.exitCode == 0)
        try Poll.until("the end of all that was tried") {
          Set(Processes.descendants(daemon.keeperPid)) == [daemon.pid, daemon.apiPid]
        }
      }
    }
  }

  /// None is lost, and none is launched twice.
  @Test func launchesThatAreQueuedAreLeftToTheSuccessor() throws {
    let options = ["--launchers", "1", "--client-create-rate", "100000"]
    try Daemon.with(options) { daemon in
      let (client, count) = (daemon.client(), 10_000)
      let gate = try Gate(daemon.scratch)
      let first = try client.create(CreateRequest(cmd: gate.program))
      try gate.waitUntilReached()
      let marks = daemon.scratch.fresh("marks")
      var request = CreateRequest(cmd: "sh", args: ["-c", "read line; echo $line >> \(marks)"])
      var ids: [JobID] = []
      while ids.count < count {
        let jobs = (0..<min(BatchRequest.most, count - ids.count)).map { index in
          request.stdin = "\(ids.count + index)\n"
          return request
        }
        ids += try client.create(jobs).map { try #require($0.id) }
      }
      let asked = try daemon.startControl("upgrade")
      try daemon.waitForLog("event=upgrading")
      gate.open()
      let done = try asked.wait()
      #expect(done.status == 0, "\(done.errorText)")
      let fresh = daemon.client()
      for id in [first] + ids { #expect(try fresh.end(of: id).exitCode == 0) }
      let lines = Files.text(marks).split(separator: "\n").compactMap { Int($0) }.sorted()
      #expect(lines == Array(0..<count))
    }
  }
}
