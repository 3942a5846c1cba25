import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The supervisor is killed, and the next one goes on with its jobs.
@Suite(.serialized) struct AdoptionTests {
  private static let counting =
    "i=0; while [ $i -lt 1000 ]; do echo o$i; echo e$i >&2; sleep 0.005; i=$((i+1)); done; exit 11"

  @Test(arguments: ["true", "false"])
  func outputAndExitCodeSurviveManyKills(cgroup: String) throws {
    try ManagedDaemon.with(["--cgroup", cgroup]) { managed in
      let id = try managed.client().shell(Self.counting)
      let followed = try managed.daemon.startJobctl(["logs", "-f", "\(id)"])
      try managed.waitUntilHeld(id)
      for round in 0..<8 {
        try managed.killSupervisor()
        #expect(try managed.client().status(id).status == .running, "after kill \(round)")
      }
      #expect(try managed.client().end(of: id).exitCode == 11)
      let expected = ((0..<1000).map { "o\($0)\n" }.joined(), (0..<1000).map { "e\($0)\n" }.joined())
      let output = try managed.client().output(id)
      #expect((output.stdout, output.stderr) == expected)
      let log = try followed.wait()
      #expect((log.text, log.errorText) == expected)
      let detail = try managed.client().detail(id)
      #expect(detail.adopted == true && detail.usage == nil)
      try Poll.until("the entry's end") { managed.manager.held.isEmpty }
    }
  }

  @Test func orderAndTimesOfTheLogAreKept() throws {
    try ManagedDaemon.with { managed in
      let (full, go) = (managed.daemon.scratch.fresh("full"), managed.daemon.scratch.fresh("go"))
      let id = try managed.client().shell(
        """
        i=0; while [ $i -lt 400 ]; do echo o$i; echo e$i >&2; sleep 0.005; i=$((i+1)); done
        : > \(full); until [ -e \(go) ]; do sleep 0.01; done; echo end
        """)
      try managed.waitUntilHeld(id)
      func log() throws -> String { try managed.daemon.curl("GET", "/jobs/\(id)/log").text }
      try Poll.until("the job's output") { try Files.exists(full) && log().contains("e399") }
      let before = try log()
      for _ in 0..<2 { try managed.killSupervisor() }
      #expect(try log() == before)
      try Files.write([], to: go)
      #expect(try managed.client().end(of: id).exitCode == 0)
      #expect(try log().hasPrefix(before) && log().contains("end"))
    }
  }

  @Test func largeOutputIsByteExact() throws {
    try ManagedDaemon.with(["--output-limit", "2GiB"]) { managed in
      let script = "i=0; while [ $i -lt 30 ]; do seq 1 500000; sleep 0.05; i=$((i+1)); done"
      let id = try managed.client().shell(script)
      try managed.waitUntilHeld(id)
      while try managed.client().status(id).status == .running { try managed.killSupervisor() }
      #expect(try managed.client().end(of: id).exitCode == 0)
      let expected = try Running("sh", ["-c", script], directory: managed.daemon.scratch).wait()
      #expect(try managed.client().bytes(.stdout, id) == expected.output)
    }
  }

  @Test(arguments: ["true", "false"])
  func whatEndedMeanwhileIsKnown(cgroup: String) throws {
    try ManagedDaemon.with(["--cgroup", cgroup]) { managed in
      let client = managed.client()
      let go = managed.daemon.scratch.fresh("go")
      let wait = "until [ -e \(go) ]; do sleep 0.01; done"
      let code = try client.shell("sleep 1000 & echo $$; \(wait); echo last; exit 42")
      let signal = try client.shell("echo $$; \(wait); kill -USR1 $$; sleep 1000")
      try managed.waitUntilHeld(code, signal)
      let pids = try [code, signal].map { try pid(of: $0, client) }
      let children = pids.flatMap { Processes.descendants($0) }
      try managed.killSupervisor {
        try Files.write([], to: go)
        try Poll.until("the jobs' end") { pids.allSatisfy { !Processes.isAlive($0) } }
      }
      #expect(try managed.client().end(of: code).exitCode == 42)
      #expect(try managed.client().output(code).stdout == "\(pids[0])\nlast\n")
      #expect(try managed.client().end(of: signal).signal == SIGUSR1)
      for child in children { #expect(!Processes.isAlive(child) || !Processes.isOfJob(child)) }
    }
  }

  @Test func aStatusThatComesLateIsTheRightOne() throws {
    try ManagedDaemon.with { managed in
      let go = managed.daemon.scratch.fresh("go")
      let id = try managed.client().shell("until [ -e \(go) ]; do sleep 0.01; done; exit 42")
      try managed.waitUntilHeld(id)
      let pid = try pid(of: id, managed.client())
      try managed.manager.beLazy(true)
      try managed.killSupervisor()
      try Files.write([], to: go)
      try Poll.until("a zombie") { !Processes.isAlive(pid) }
      #expect(try managed.client().status(id, wait: DurationText("1s")).status == .running)
      try managed.manager.beLazy(false)
      #expect(try managed.client().end(of: id).exitCode == 42)
    }
  }

  @Test func aStatusThatNeverComesIsAnError() throws {
    try ManagedDaemon.with { managed in
      let id = try managed.client().shell("echo said; sleep 3; exit 42")
      try managed.waitUntilHeld(id)
      try managed.manager.beLazy(true)
      try managed.killSupervisor()
      let status = try managed.client().end(of: id)
      #expect(status.status == .error && status.exitCode == nil)
      #expect(
        status.errorMessage == "the job ended, and its exit status was lost: its parent did not tell it")
      #expect(try managed.client().bytes(.stdout, id) == Array("said\n".utf8))
      try managed.manager.beLazy(false)
    }
  }

  @Test func outputThatCannotBeWrittenIsTold() throws {
    try ManagedDaemon.with(limits: ["--fsize=1048576:1048576"]) { managed in
      let go = managed.daemon.scratch.fresh("go")
      let id = try managed.client().shell(
        "until [ -e \(go) ]; do sleep 0.01; done; head -c 3000000 /dev/zero; sleep 2; exit 6")
      try managed.waitUntilHeld(id)
      try Files.write([], to: go)
      try Poll.until("the output") { try managed.client().bytes(.stdout, id).count == 1_048_576 }
      try managed.killSupervisor()
      #expect(try managed.client().end(of: id).exitCode == 6)
      let detail = try managed.client().detail(id)
      #expect(detail.stdoutBytes == 1_048_576 && detail.stdoutDropped == 3_000_000 - 1_048_576)
      #expect(detail.errorMessage == "output was lost: cannot write stdout: File too large")
    }
  }

  private func pid(of id: JobID, _ client: JobClient) throws -> pid_t {
    var pid: pid_t = 0
    try Poll.until("the job's pid") {
      pid = try client.detail(id).pid ?? 0
      return pid != 0
    }
    return pid
  }

  @Test func limitsAndOrdersHoldForAdoptedJobs() throws {
    try ManagedDaemon.with { managed in
      let client = managed.client()
      var request = CreateRequest(cmd: "sleep", args: ["1000"])
      request.timeout = DurationText("5s")
      let timed = try client.create(request)
      let stopped = try client.shell("trap 'echo bye; exit 3' TERM; while :; do sleep 0.02; done")
      let signalled = try client.shell("trap 'echo got; exit 4' USR1; while :; do sleep 0.02; done")
      let deleted = try client.shell("sleep 1000")
      request = CreateRequest(cmd: "sh", args: ["-c", "while :; do echo 0123456789; sleep 0.01; done"])
      (request.outputLimit, request.onLimit) = (5000, .kill)
      let limited = try client.create(request)
      try managed.waitUntilHeld(timed, stopped, signalled, deleted, limited)
      let gone = try pid(of: deleted, client)
      try managed.killSupervisor()
      let fresh = managed.client()
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
      try Poll.until("the entries' end") { managed.manager.held.isEmpty }
    }
  }

  @Test func anOpenInputIsFedOn() throws {
    try ManagedDaemon.with { managed in
      let go = managed.daemon.scratch.fresh("go")
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let closed = try managed.client().create(request)
      // It is there still when the end of its input is told again.
      (request.cmd, request.args) = ("sh", ["-c", "cat; while [ ! -e \(go) ]; do sleep 0.02; done"])
      let id = try managed.client().create(request)
      try managed.client().feed(id, Array("abc".utf8), at: 0, close: false)
      try managed.waitUntilHeld(id, closed)
      // The end of input reaches the job though somebody else has a copy of the pipe.
      try managed.client().feed(closed, Array("all".utf8), at: 0, close: true)
      #expect(try managed.client().end(of: closed).exitCode == 0)
      try managed.client().feed(id, Array("def".utf8), at: 3, close: false)
      for _ in 0..<2 { try managed.killSupervisor() }
      try managed.client().feed(id, Array("defgh".utf8), at: 3, close: true)
      try managed.client().feed(id, Array("gh".utf8), at: 6, close: true)
      try Files.write([], to: go)
      #expect(try managed.client().end(of: id).exitCode == 0)
      #expect(try managed.client().output(id).stdout == "abcdefgh")
      try Poll.until("the entries' end") { managed.manager.held.isEmpty }
    }
  }

  @Test func youngJobsAreErrorsAndLeaveNothing() throws {
    try ManagedDaemon.with { managed in
      let client = managed.client()
      let old = try client.shell("sleep 3; exit 5")
      try managed.waitUntilHeld(old)
      let young = try client.shell("sleep 1000 & echo $$; exec sleep 1000")
      let first = try pid(of: young, client)
      let tree = [first] + Processes.descendants(first)
      // It is told as held when it is no longer young.
      let wasYoung = !managed.manager.held.contains("\(young)")
      try managed.killSupervisor()
      let status = try managed.client().status(young)
      if wasYoung {
        #expect(status.status == .error)
        #expect(status.errorMessage?.contains("supervision") == true)
        for process in tree { #expect(!Processes.isAlive(process) || !Processes.isOfJob(process)) }
      }
      #expect(try managed.client().end(of: old).exitCode == 5)
    }
  }

  @Test func uselessDescriptorsAreClosedAndLetGo() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = scratch.fresh("gift")
    try Files.write(Array("not an entry".utf8), to: file)
    let unknown = "01a2b3c4-d5e6-7f80-9a0b-1c2d3e4f5061"
    let gifts = ["nonsense": file, "": "/dev/null", unknown: file, "\(unknown).stdin": "/dev/null"]
    try ManagedDaemon.with(gifts: gifts) { managed in
      try Poll.until("an empty store") { managed.manager.held.isEmpty }
      #expect(
        managed.daemon.log.split(separator: "\n").count { $0.contains("event=descriptor_not_used") } == 4)
      #expect(try managed.client().run("true").1.exitCode == 0)
      let open = Files.list("/proc/\(managed.manager.mainPid)/fd").map {
        Files.target("/proc/\(managed.manager.mainPid)/fd/\($0)")
      }
      #expect(!open.contains(file))
    }
  }

  @Test func nobodyElseSeesTheManager() throws {
    try ManagedDaemon.with { managed in
      let long = try managed.client().shell("sleep 1000")
      try managed.waitUntilHeld(long)
      try managed.killSupervisor()
      let (job, _) = try managed.client().run("sh", "-c", "env; ls -l /proc/self/fd")
      let seen = try managed.client().output(job).stdout
      #expect(!seen.contains("NOTIFY") && !seen.contains("LISTEN"))
      #expect(seen.split(separator: "\n").count { $0.contains(" -> ") } == 4)
      let api = managed.daemon.apiPid
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
    try ManagedDaemon.with { managed in
      let id = try managed.client().shell(Self.counting)
      try managed.waitUntilHeld(id)
      for round in 1...3 {
        managed.daemon.signal(SIGUSR2)
        try Poll.until("the upgrade") {
          managed.daemon.log.split(separator: "\n").count { $0.contains("event=upgraded") } == round
        }
        try Poll.until("the api process") { (try? managed.client().status(id)) != nil }
        try managed.killSupervisor()
      }
      #expect(try managed.client().end(of: id).exitCode == 11)
      #expect(try managed.client().output(id).stdout == (0..<1000).map { "o\($0)\n" }.joined())
      try Poll.until("the entry's end") { managed.manager.held.isEmpty }
    }
  }

  @Test func killsLeakNothing() throws {
    try ManagedDaemon.with { managed in
      let id = try managed.client().shell("while :; do echo x; sleep 0.01; done")
      try managed.waitUntilHeld(id)
      try managed.killSupervisor()
      let settled = try settledDescriptors(managed)
      let ofManager = Processes.descriptors(managed.daemon.pid)
      for _ in 0..<5 { try managed.killSupervisor() }
      #expect(try settledDescriptors(managed) == settled)
      #expect(Processes.descriptors(managed.daemon.pid) == ofManager)
      _ = try managed.client().stop(id, grace: DurationText("0s"))
      try Poll.until("an empty store") { managed.manager.held.isEmpty }
      #expect(Processes.descriptors(managed.daemon.pid) == ofManager - 1)
    }
  }

  /// Open descriptors of the supervisor once they stay the same.
  private func settledDescriptors(_ managed: ManagedDaemon) throws -> Int {
    var last = -1
    try Poll.until("a steady number of descriptors") {
      let now = Processes.descriptors(managed.manager.mainPid)
      defer { last = now }
      usleep(200_000)
      return now == last
    }
    return last
  }

  @Test func theManagerIsToldOfTheState() throws {
    try ManagedDaemon.with { managed in
      try Poll.until("that it is ready") { managed.manager.states.contains("READY=1") }
      #expect(managed.manager.states.contains("MAINPID=\(managed.manager.mainPid)"))
      managed.daemon.signal(SIGHUP)
      try Poll.until("that it is ready again") {
        managed.manager.states.count { $0 == "READY=1" } == 2
      }
      #expect(managed.manager.states.contains("RELOADING=1"))
      let id = try managed.client().shell("sleep 1000")
      try managed.waitUntilHeld(id)
      let job = try pid(of: id, managed.client())
      #expect(try managed.daemon.stop().status == 0)
      #expect(managed.manager.states.last == "STOPPING=1")
      #expect(managed.manager.held.isEmpty && !Processes.isAlive(job))
    }
  }
}
