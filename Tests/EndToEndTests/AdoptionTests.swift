import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The supervisor is killed, and the next one goes on with its jobs.
@Suite(.serialized) struct AdoptionTests {
  private static let counting =
    "i=0; while [ $i -lt 1000 ]; do echo o$i; echo e$i >&2; sleep 0.005; i=$((i+1)); done"

  @Test(arguments: ["true", "false"])
  func outputAndExitCodeSurviveManyKills(cgroup: String) throws {
    try Daemon.with(["--cgroup", cgroup]) { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell("\(Self.counting); \(go.wait); exit 11")
      let followed = try daemon.startJobctl(["logs", "-f", "\(id)"])
      try daemon.waitUntilHeld(1)
      for round in 0..<8 {
        try daemon.killSupervisor()
        #expect(try daemon.client().status(id).status == .running, "after kill \(round)")
      }
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 11)
      let expected = ((0..<1000).map { "o\($0)\n" }.joined(), (0..<1000).map { "e\($0)\n" }.joined())
      let output = try daemon.client().output(id)
      #expect((output.stdout, output.stderr) == expected)
      let log = try followed.wait()
      #expect((log.text, log.errorText) == expected)
      let detail = try daemon.client().detail(id)
      #expect(detail.adopted == true)
      let usage = try #require(detail.usage)
      #expect(usage.userMicroseconds + usage.systemMicroseconds > 0)
      try daemon.waitUntilHeld(0)
    }
  }

  @Test func orderAndTimesOfTheLogAreKept() throws {
    try Daemon.with { daemon in
      let (full, go) = (daemon.scratch.fresh("full"), Go(daemon.scratch))
      let id = try daemon.client().shell(
        """
        i=0; while [ $i -lt 400 ]; do echo o$i; echo e$i >&2; sleep 0.005; i=$((i+1)); done
        : > \(full); \(go.wait); echo end
        """)
      try daemon.waitUntilHeld(1)
      func log() throws -> String { try daemon.curl("GET", "/jobs/\(id)/log").text }
      try Poll.until("the job's output") { try Files.exists(full) && log().contains("e399") }
      let before = try log()
      for _ in 0..<2 { try daemon.killSupervisor() }
      #expect(try log() == before)
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 0)
      #expect(try log().hasPrefix(before) && log().contains("end"))
    }
  }

  @Test func largeOutputIsByteExact() throws {
    try Daemon.with(["--output-limit", "2GiB"]) { daemon in
      let script = "i=0; while [ $i -lt 30 ]; do seq 1 500000; sleep 0.05; i=$((i+1)); done"
      let id = try daemon.client().shell(script)
      try daemon.waitUntilHeld(1)
      while try daemon.client().status(id).status == .running { try daemon.killSupervisor() }
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let expected = try Running("sh", ["-c", script], directory: daemon.scratch).wait()
      #expect(try daemon.client().bytes(.stdout, id) == expected.output)
    }
  }

  @Test(arguments: ["true", "false"])
  func whatEndedMeanwhileIsKnown(cgroup: String) throws {
    try Daemon.with(["--cgroup", cgroup]) { daemon in
      let client = daemon.client()
      let go = Go(daemon.scratch)
      let wait = "\(go.wait)"
      let code = try client.shell("sleep 1000 & echo $$; \(wait); echo last; exit 42")
      let signal = try client.shell("echo $$; \(wait); kill -USR1 $$; sleep 1000")
      try daemon.waitUntilHeld(2)
      let pids = try [code, signal].map { try client.pid(of: $0) }
      let children = pids.flatMap { Processes.descendants($0) }
      try daemon.killSupervisor {
        try go()
        try Poll.until("the jobs' end") { pids.allSatisfy { !Processes.isAlive($0) } }
      }
      #expect(try daemon.client().end(of: code).exitCode == 42)
      #expect(try daemon.client().output(code).stdout == "\(pids[0])\nlast\n")
      #expect(try daemon.client().end(of: signal).signal == SIGUSR1)
      for child in children { #expect(!Processes.isAlive(child) || !Processes.isOfJob(child)) }
    }
  }

  /// Its zombie stays until its end is on disk: killed in between, the next supervisor reads it again.
  @Test(.enabled(if: geteuid() == 0)) func anEndThatIsNotOnDiskIsReadAgain() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell("\(go.wait); exit 42")
      let pid = try daemon.client().pid(of: id)
      for adopted in [false, true] {
        try daemon.waitUntilHeld(1)
        try daemon.withFaults("fdatasync:error=EIO", thread: "store") {
          if adopted { try go() }
          if adopted { try Poll.until("a zombie") { !Processes.isAlive(pid) } }
          if adopted { try daemon.waitForLog("event=store_failed") }
        }
        try daemon.killSupervisor()
      }
      #expect(try daemon.client().end(of: id).exitCode == 42)
      try Poll.until("the zombie's end") { Files.list("/proc/\(pid)").isEmpty }
    }
  }

  @Test func outputThatCannotBeWrittenIsTold() throws {
    try Daemon.with(limits: ["--fsize=1048576:1048576"]) { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell(
        "\(go.wait); head -c 3000000 /dev/zero; sleep 2; exit 6")
      try daemon.waitUntilHeld(1)
      try go()
      try Poll.until("the output") { try daemon.client().bytes(.stdout, id).count == 1_048_576 }
      try daemon.killSupervisor()
      #expect(try daemon.client().end(of: id).exitCode == 6)
      let detail = try daemon.client().detail(id)
      #expect(detail.stdoutBytes == 1_048_576 && detail.stdoutDropped == 3_000_000 - 1_048_576)
      #expect(detail.errorMessage == "output was lost: cannot write stdout: File too large")
    }
  }

  @Test func limitsAndOrdersHoldForAdoptedJobs() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var request = CreateRequest(cmd: "sleep", args: ["1000"])
      request.timeout = DurationText("10s")
      let timed = try client.create(request)
      let stopped = try client.shell("trap 'echo bye; exit 3' TERM; while :; do sleep 0.02; done")
      let signalled = try client.shell("trap 'echo got; exit 4' USR1; while :; do sleep 0.02; done")
      let deleted = try client.shell("sleep 1000")
      let go = Go(daemon.scratch)
      request = CreateRequest(cmd: "sh", args: ["-c", "\(go.wait); while :; do echo 0123456789; done"])
      (request.outputLimit, request.onLimit) = (5000, .kill)
      let limited = try client.create(request)
      try daemon.waitUntilHeld(5)
      let gone = try client.pid(of: deleted)
      try daemon.killSupervisor()
      try go()
      let fresh = daemon.client()
      #expect(try fresh.stop(stopped).exitCode == 3)
      #expect(try fresh.output(stopped).stdout == "bye\n")
      try fresh.signal(signalled, SignalRequest(signal: SignalName("USR1")!))
      #expect(try fresh.end(of: signalled).exitCode == 4)
      try fresh.delete(deleted)
      #expect(!Processes.isAlive(gone))
      #expect(throws: ClientError.self) { try fresh.status(deleted) }
      #expect(try fresh.end(of: timed).timedOut == true)
      #expect(try fresh.end(of: limited).signal == SIGKILL)
      let detail = try fresh.detail(limited)
      #expect(detail.stdoutBytes == 5000 && detail.truncated)
      try daemon.waitUntilHeld(0)
    }
  }

  /// The supervisor is killed when it is about to send TERM: the next one sends it, and not KILL at the end of the grace.
  @Test(.enabled(if: geteuid() == 0)) func aTermThatWasNotSentIsSent() throws {
    try Daemon.with(["--cgroup", "false"]) { daemon in
      let id = try daemon.client().shell("trap 'echo bye; exit 5' TERM; while :; do sleep 0.02; done")
      try daemon.waitUntilHeld(1)
      let supervisor = daemon.pid
      try daemon.withFaults("kill:signal=KILL:when=1") {
        _ = try? daemon.client().stop(id, grace: DurationText("60s"))
        try Poll.until("the supervisor's end") { !Processes.isAlive(supervisor) }
      }
      #expect(try daemon.client().end(of: id).exitCode == 5)
      #expect(try daemon.client().output(id).stdout == "bye\n")
    }
  }

  @Test func anOpenInputIsFedOn() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let closed = try daemon.client().create(request)
      // It is there still when the end of its input is told again.
      (request.cmd, request.args) = ("sh", ["-c", "cat; \(go.wait)"])
      let id = try daemon.client().create(request)
      try daemon.client().feed(id, Array("abc".utf8), at: 0, close: false)
      try daemon.waitUntilHeld(2)
      // The end of input reaches the job though somebody else has a copy of the pipe.
      try daemon.client().feed(closed, Array("all".utf8), at: 0, close: true)
      #expect(try daemon.client().end(of: closed).exitCode == 0)
      try daemon.client().feed(id, Array("def".utf8), at: 3, close: false)
      for _ in 0..<2 { try daemon.killSupervisor() }
      try daemon.client().feed(id, Array("defgh".utf8), at: 3, close: true)
      try daemon.client().feed(id, Array("gh".utf8), at: 6, close: true)
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 0)
      #expect(try daemon.client().output(id).stdout == "abcdefgh")
      try daemon.waitUntilHeld(0)
    }
  }

  @Test func youngJobsAreErrorsAndLeaveNothing() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let go = Go(daemon.scratch)
      let old = try client.shell("\(go.wait); exit 5")
      try daemon.waitUntilHeld(1)
      let young = try client.shell("sleep 1000 & echo $$; exec sleep 1000")
      let first = try client.pid(of: young)
      let tree = [first] + Processes.descendants(first)
      try daemon.killSupervisor()
      let status = try daemon.client().status(young)
      // On a slow machine it was old enough by then.
      if status.status != .running {
        #expect(status.status == .error)
        #expect(status.errorMessage?.contains("supervision") == true)
        for process in tree { #expect(!Processes.isAlive(process) || !Processes.isOfJob(process)) }
      }
      try go()
      #expect(try daemon.client().end(of: old).exitCode == 5)
    }
  }

  @Test func nobodyElseSeesTheKeeper() throws {
    try Daemon.with { daemon in
      _ = try daemon.client().shell("sleep 1000")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      let (job, _) = try daemon.client().run("sh", "-c", "env; ls -l /proc/self/fd")
      let seen = try daemon.client().output(job).stdout
      #expect(!seen.contains("NOTIFY") && !seen.contains("LISTEN"))
      #expect(seen.split(separator: "\n").count { $0.contains(" -> ") } == 4)
      let api = daemon.apiPid
      let environment = Files.text("/proc/\(api)/environ")
      #expect(!environment.isEmpty && !environment.contains("NOTIFY") && !environment.contains("LISTEN_"))
      for descriptor in Files.list("/proc/\(api)/fd") {
        let target = Files.target("/proc/\(api)/fd/\(descriptor)")
        #expect(target.contains("counters") || !target.contains("memfd"), "\(target)")
        #expect(!target.contains("pidfd"), "\(target)")
      }
    }
  }

  @Test func upgradesAndKillsAlternate() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("\(Self.counting); exit 11")
      try daemon.waitUntilHeld(1)
      for round in 1...3 {
        daemon.signal(SIGUSR2)
        try Poll.until("the upgrade") {
          daemon.log.split(separator: "\n").count { $0.contains("event=upgraded") } == round
        }
        try Poll.until("the api process") { (try? daemon.client().status(id)) != nil }
        try daemon.killSupervisor()
      }
      #expect(try daemon.client().end(of: id).exitCode == 11)
      #expect(try daemon.client().output(id).stdout == (0..<1000).map { "o\($0)\n" }.joined())
      try daemon.waitUntilHeld(0)
    }
  }

  @Test func killsLeakNothing() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("while :; do echo x; sleep 0.01; done")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      let settled = try settledDescriptors(daemon)
      let ofKeeper = Processes.descriptors(daemon.keeperPid)
      for _ in 0..<5 { try daemon.killSupervisor() }
      #expect(try settledDescriptors(daemon) == settled)
      #expect(Processes.descriptors(daemon.keeperPid) == ofKeeper)
      _ = try daemon.client().stop(id, grace: DurationText("0s"))
      try daemon.waitUntilHeld(0)
      #expect(Processes.descriptors(daemon.keeperPid) == ofKeeper - 1)
      #expect(Processes.children(daemon.keeperPid) == [daemon.pid])
    }
  }

  /// Open descriptors of the supervisor once they stay the same.
  private func settledDescriptors(_ daemon: Daemon) throws -> Int {
    var last = -1
    try Poll.until("a steady number of descriptors") {
      let now = Processes.descriptors(daemon.pid)
      defer { last = now }
      usleep(200_000)
      return now == last
    }
    return last
  }
}
