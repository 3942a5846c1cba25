import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Jobs on a Slurm cluster.
@Suite(.serialized) struct SlurmTests {
  private static let trap = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done"
  /// Nothing in its environment names the job: on this host the daemon would find it by that.
  private static let hidden = "echo up; exec env -i sleep 1000"

  private func create(
    _ script: String, in daemon: Daemon, _ change: (inout CreateRequest) -> Void = { _ in }
  ) throws -> JobID {
    var request = CreateRequest.shell(script, runner: "cluster")
    change(&request)
    return try daemon.client().create(request)
  }

  /// A job that Slurm knows and that has begun.
  private func begun(_ script: String, in daemon: Daemon) throws -> JobID {
    let id = try create(script, in: daemon)
    try daemon.client().waitForOutput("up", of: id)
    return id
  }

  @Test func streamsInputDirectoryEnvironmentAndExitCodeAreTheJobs() throws {
    try RunnerScope.withCluster { daemon, _ in
      let client = daemon.client()
      let input = (0..<100_000).map { "line \($0)\n" }.joined()
      let id = try create("cat; pwd; echo \"$A\"; echo words >&2; exit 7", in: daemon) {
        ($0.stdin, $0.cwd, $0.env) = (input, "/usr", ["A": "a 'value' = $HOME"])
      }
      #expect(try client.end(of: id).exitCode == 7)
      let output = try client.output(id)
      #expect(output.stdout == input + "/usr\na 'value' = $HOME\n")
      #expect(output.stderr.contains("words\n"))
      let nowhere = try create("echo ran", in: daemon) { $0.cwd = "/there-is/none" }
      #expect(try client.end(of: nowhere).exitCode == 125)
      #expect(try client.output(nowhere).stdout == "")
    }
  }

  /// srun makes one there of the same size.
  @Test func aTerminalIsOneThere() throws {
    try RunnerScope.withCluster { daemon, _ in
      let id = try create(
        "trap 'stty size' WINCH; stty size; tty <&1; until [ $line ]; do read line; done; echo got $line; exit 4",
        in: daemon
      ) {
        $0.tty = TerminalSize(rows: 40, columns: 120)
      }
      try daemon.client().waitForOutput("/dev/pts/", of: id)
      let terminal = "/proc/\(try daemon.client().pid(of: id))/fd/0"
      func resize(_ rows: String) throws {
        let resized = try Running(
          "stty", ["-F", terminal, "rows", rows, "cols", "77"], directory: daemon.scratch)
        #expect(try resized.wait().status == 0)
      }
      // srun passes on what it is told once it listens for that, which nothing tells.
      try Poll.until("the size there") {
        for rows in ["32", "33"] { try resize(rows) }
        usleep(500_000)
        return try daemon.client().output(id).stdout.contains("33 77\r\n")
      }
      try daemon.client().feed(id, Array("one\n".utf8), close: false)
      #expect(try daemon.client().end(of: id).exitCode == 4)
      let output = try daemon.client().output(id).stdout
      #expect(output.hasPrefix("40 120\r\n") && output.contains("got one\r\n"), "\(output)")
    }
  }

  /// srun takes its environment to the node.
  @Test func theSecretsThatItsEntryNamesReachTheJob() throws {
    try SlurmCluster.with { slurm in
      let recipe = try RunnerScope.cluster(slurm).replacing(
        "limits: \"runner\",", with: "limits: \"runner\", secrets: [\"SECRET_TOKEN\"],")
      try RunnerScope.with(recipe) { daemon in
        let canary = Canary()
        let id = try daemon.client().create(canary.request("echo up >&2; sleep 1", runner: "cluster"))
        try Poll.until("the job to run") { try daemon.client().output(id).stderr.contains("up") }
        #expect(canary.places(in: daemon) == [])
        try canary.expect(in: daemon.client(), of: id, daemon.scratch)
      }
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func itRunsAsTheJobsUser() throws {
    try RunnerScope.withCluster { daemon, _ in
      let id = try create("id -un", in: daemon) { $0.user = "nobody" }
      #expect(try daemon.client().end(of: id).exitCode == 0)
      #expect(try daemon.client().output(id).stdout == "nobody\n")
      let stopped = try create(Self.trap, in: daemon) { $0.user = "nobody" }
      try daemon.client().waitForOutput("up", of: stopped)
      #expect(try daemon.client().stop(stopped, grace: DurationText("60s")).exitCode == 3)
    }
  }

  @Test func inputAndOutputPassWhileItRuns() throws {
    try RunnerScope.withCluster { daemon, _ in
      let client = daemon.client()
      let id = try create("while read -r line; do echo \"got $line\"; done", in: daemon) {
        $0.stdinOpen = true
      }
      let follow = try daemon.startJobctl(["logs", "-f", "\(id)"])
      for word in ["one", "two"] {
        try client.feed(id, Array("\(word)\n".utf8), close: false)
        try Poll.until("its answer") { follow.text.hasSuffix("got \(word)\n") }
      }
      try client.feed(id, [], close: true)
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try follow.wait().text == "got one\ngot two\n")
    }
  }

  @Test func aStopReachesTheJobsTrap() throws {
    try RunnerScope.withCluster { daemon, _ in
      let id = try begun(Self.trap, in: daemon)
      #expect(try daemon.client().stop(id, grace: DurationText("60s")).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "up\nbye\n")
      #expect(try daemon.client().detail(id).facts.runnerError == nil)
    }
  }

  @Test func theTimeLimitEndsIt() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let id = try create("trap '' TERM; " + Self.hidden, in: daemon) {
        ($0.timeout, $0.grace) = (DurationText("2s"), DurationText("500ms"))
      }
      #expect(try daemon.client().end(of: id).timedOut == true)
      #expect(try slurm.squeue(name: "\(id)") == [])
    }
  }

  @Test func whenADeletionIsAnsweredNothingIsLeft() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let id = try begun(Self.hidden, in: daemon)
      #expect(try slurm.squeue(name: "\(id)") == ["\(id) RUNNING"])
      try daemon.client().delete(id)
      #expect(try slurm.squeue(name: "\(id)") == [])
    }
  }

  @Test func whatWaitsInTheClusterIsDeletedToo() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let full = try (0..<3).map { _ in
        try create(Self.hidden, in: daemon) { $0.limits = JobLimits(cpus: 4) }
      }
      for id in full { try daemon.client().waitForOutput("up", of: id) }
      let waits = try create("echo never", in: daemon)
      try Poll.until("it to wait") { try slurm.squeue(name: "\(waits)") == ["\(waits) PENDING"] }
      try daemon.client().delete(waits)
      #expect(try slurm.squeue(name: "\(waits)") == [])
      for id in full { try daemon.client().delete(id) }
    }
  }

  @Test func whatAKilledSrunLeavesIsCleanedUp() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let id = try begun(Self.hidden, in: daemon)
      Processes.killTree(try daemon.client().pid(of: id))
      #expect(try daemon.client().end(of: id).signal == SIGKILL)
      #expect(try slurm.squeue(name: "\(id)") == [])
      #expect(try daemon.client().detail(id).facts.cleanup == .done)
    }
  }

  /// Until the cluster has it, it cannot be ended there.
  @Test func whatSrunHadJustSubmittedIsCleanedUp() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let client = daemon.client()
      var ids: [JobID] = []
      for delay in stride(from: 0, to: 50_000, by: 5_000) {
        let id = try create(Self.hidden, in: daemon)
        let pid = try client.pid(of: id)
        usleep(UInt32(delay))
        Processes.killTree(pid)
        ids.append(id)
      }
      for id in ids { #expect(try client.end(of: id).signal == SIGKILL) }
      #expect(try slurm.squeue() == [])
    }
  }

  @Test func theNextSupervisorGoesOnWithIt() throws {
    try RunnerScope.withCluster { daemon, _ in
      let lines =
        "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; sleep 0.02; i=$((i+1)); done; exit 11"
      let counts = try create(lines, in: daemon)
      let stopped = try begun(Self.trap, in: daemon)
      try daemon.waitUntilHeld(2)
      for _ in 0..<3 { try daemon.killSupervisor() }
      #expect(try daemon.client().stop(stopped, grace: DurationText("60s")).exitCode == 3)
      #expect(try daemon.client().end(of: counts).exitCode == 11)
      let output = try daemon.client().output(counts)
      #expect(output.stdout == (0..<200).map { "o\($0)\n" }.joined())
      // srun has words of its own for a job that did not end with 0.
      let errors = output.stderr.split(separator: "\n").filter { !$0.hasPrefix("srun: ") }
      #expect(errors == (0..<200).map { "e\($0)" })
      #expect(try daemon.client().detail(counts).facts.adopted == true)
    }
  }

  /// The keeper dies too, and nobody tells Slurm: the next start does.
  @Test func whatACrashLeftIsCleanedUpByTheNextStart() throws {
    try RunnerScope.withCluster { daemon, slurm in
      let id = try begun(Self.hidden, in: daemon)
      daemon.kill()
      try daemon.start()
      #expect(try daemon.client().end(of: id).status == .error)
      try Poll.until("an empty queue") { try slurm.squeue(name: "\(id)").isEmpty }
      try Poll.until("the cleanup to be known") { try daemon.client().detail(id).facts.cleanup == .done }
    }
  }

  @Test func whatTheClusterCannotHaveIsAnErrorWithItsWords() throws {
    try RunnerScope.withCluster { daemon, _ in
      let id = try create("echo ran", in: daemon) { $0.limits = JobLimits(memory: SizeText("100GiB")) }
      let end = try daemon.client().end(of: id)
      #expect(end.status == .error)
      #expect(end.errorMessage?.contains("Requested node configuration is not available") == true, "\(end)")
    }
  }
}
