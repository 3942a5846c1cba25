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
      let pid = daemon.pid
      var codes: [(JobID, Int32)] = []
      for round in 0..<50 {
        let (before, status) = try daemon.client().run("sh", "-c", "exit \(round)")
        codes.append((before, status.exitCode ?? -1))
        try upgrade(daemon, "upgraded")
        #expect(daemon.pid == pid && Processes.isAlive(pid))
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
      let binary = "\(daemon.scratch.path)/jobd"
      try Files.write(Array("#!/bin/sh\nexit 1\n".utf8), to: "\(binary).new", mode: 0o755)
      rename("\(binary).new", binary)
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
      let id = try daemon.client().shell(
        "for i in 1 2 3; do echo o$i; sleep 0.1; echo e$i >&2; sleep 0.1; done; sleep 12")
      // Nobody follows it: its index is nowhere but in memory.
      let file = "\(daemon.state)/output/\("\(id)".suffix(2))/\(id)"
      try Poll.until("the output") { Files.text("\(file).stderr") == "e1\ne2\ne3\n" }
      try #require(mkdir("\(file).log", 0o700) == 0)
      try upgrade(daemon, "upgrade_failed")
      try #require(rmdir("\(file).log") == 0)
      try upgrade(daemon, "upgraded")
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
