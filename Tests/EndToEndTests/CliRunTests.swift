import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `jobctl run`: signals, lost connections, readers that go.
@Suite(.serialized) struct CliRunTests {
  private func onlyJob(_ daemon: Daemon) throws -> JobID {
    var found: JobID?
    try Poll.until("the job") {
      found = try daemon.client().list(["state": "running"]).jobs.first.flatMap {
        $0.pid == nil ? nil : $0.id
      }
      return found != nil
    }
    return found!
  }

  @Test func signalsReachTheJob() throws {
    try Daemon.with { daemon in
      for (signal, status) in [(SIGINT, 2), (SIGTERM, 15), (SIGHUP, 1), (SIGQUIT, 3)] as [(Int32, Int32)] {
        let run = try daemon.startJobctl(["run", "--rm", "sh", "-c", "sleep 1000; exit 0"])
        _ = try onlyJob(daemon)
        run.signal(signal)
        #expect(try run.wait().status == 128 + status)
      }
      let polite = try daemon.startJobctl(
        ["run", "sh", "-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done"])
      try Poll.until("the trap") { polite.output == Array("up\n".utf8) }
      polite.signal(SIGTERM)
      let done = try polite.wait()
      #expect((done.status, done.text) == (3, "up\nbye\n"))
    }
  }

  private func shell(_ script: String, _ daemon: Daemon, _ more: [String: String] = [:]) throws -> Running {
    let environment = daemon.jobctlEnvironment("alice").merging(more) { $1 }
    return try Running(
      "sh", ["-c", script, "sh", Programs.jobctl], environment: environment, directory: daemon.scratch)
  }

  /// As nohup has it, and a shell that starts it with "&".
  /// Also one that comes while the daemon has no record of the job.
  @Test func aSignalReachesAJobThatHasJustBegun() throws {
    try Daemon.with { daemon in
      for _ in 0..<3 {
        let begun = daemon.scratch.fresh("begun")
        let run = try daemon.startJobctl(["run", "--rm", "sh", "-c", "echo >\(begun); exec sleep 60"])
        try Poll.until("the job") { Files.exists(begun) }
        run.signal(SIGTERM)
        let done = try run.wait()
        #expect(done.status == 143 && done.errorText.isEmpty, "\(done.errorText)")
      }
    }
  }

  @Test func signalsThatWereIgnoredAtTheStartStayIgnored() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let script =
        "trap '' HUP INT QUIT TERM; exec $1 run sh -c 'echo up; \(go.wait)'"
      let run = try shell(script, daemon)
      try Poll.until("the job") { run.text == "up\n" }
      for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] { run.signal(signal) }
      #expect(try daemon.client().list(["state": "running"]).jobs.count == 1)
      try go()
      #expect(try run.wait().status == 0)
    }
  }

  @Test func outputThatCannotBeWrittenIsNamed() throws {
    try Daemon.with { daemon in
      let run = try shell("exec $1 run echo hi >/dev/full", daemon).wait()
      #expect(run.status != 0 && run.errorText.contains("No space left on device"), "\(run.errorText)")
      #expect(!run.errorText.contains("lost sight"))
      for command in ["ps --all", "events", "logs $($1 ps -aq)"] {
        let done = try shell("exec $1 \(command) >/dev/full", daemon).wait()
        #expect(
          done.status != 0 && done.errorText.contains("No space left on device"),
          "\(command): \(done.errorText)")
      }
    }
  }

  @Test func argumentsThatAreNoTextAreRefused() throws {
    try Daemon.with { daemon in
      for words in ["run echo \"$(printf 'a\\377')\"", "ps \"$(printf '\\300\\200')\""] {
        let done = try shell("exec $1 \(words)", daemon).wait()
        #expect(done.status == 120 && done.errorText.contains("is not UTF-8"), "\(done.errorText)")
      }
      let jobd = try shell("exec \(Programs.jobd) check-config \"$(printf '\\377')\"", daemon).wait()
      #expect(jobd.status == 2 && jobd.errorText.contains("argument 2 is not UTF-8"), "\(jobd.errorText)")
    }
  }

  /// The environment stands behind the arguments in memory, until it grows.
  @Test func argumentsAreThereWhateverAPreloadedLibraryDoes() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (source, library) = ("\(scratch.path)/grow.c", "\(scratch.path)/grow.so")
    let text = """
      #include <stdlib.h>
      __attribute__((constructor)) static void grow(void) { setenv("A_NEW_ONE", "1", 1); }
      """
    try Files.write(Array(text.utf8), to: source)
    let built = try Running("clang", ["-shared", "-fPIC", "-o", library, source], directory: scratch).wait()
    try #require(built.status == 0, "\(built.errorText)")
    for program in [Programs.jobctl, Programs.jobd] {
      let done = try Running(program, ["--version"], environment: ["LD_PRELOAD": library], directory: scratch)
        .wait()
      #expect(done.status == 0 && done.text.hasSuffix(" \(Version.text)\n"), "\(done.text)\(done.errorText)")
    }
  }

  @Test func theSecondInterruptKills() throws {
    try Daemon.with { daemon in
      let run = try daemon.startJobctl([
        "run", "sh", "-c", "trap 'echo no' INT; echo up; while :; do sleep 0.02; done",
      ])
      try Poll.until("the trap") { run.output == Array("up\n".utf8) }
      run.signal(SIGINT)
      try Poll.until("the first to be told") { run.output == Array("up\nno\n".utf8) }
      run.signal(SIGINT)
      #expect(try run.wait().status == 137)
    }
  }

  @Test func outputAndInputGoOnOverKilledApiProcesses() throws {
    try Daemon.with { daemon in
      let bytes = (0..<40_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
      // The job reads slowly, so that the input is under way all the time.
      let run = try daemon.startJobctl(
        ["run", "sh", "-c", "for i in $(seq 40); do head -c 1000000; sleep 0.05; done; exit 9"], input: bytes)
      var killed = 0
      while !run.hasEnded, killed < 12 {
        let size = run.output.count
        try Poll.until("output to go on") { run.output.count > size || run.hasEnded }
        if kill(daemon.apiPid, SIGKILL) == 0 { killed += 1 }
      }
      let done = try run.wait()
      #expect(done.status == 9, "\(done.errorText)")
      #expect(done.output == bytes && killed >= 5, "\(done.output.count) bytes, \(killed) kills")
    }
  }

  /// Whether it has ended when jobctl looks, or only then: the job reads what there is, and its end.
  @Test(arguments: [":", "sleep 0.2", "printf x", "sleep 0.2; printf x"])
  func aPipeIsForwardedUntilItsEnd(writer: String) throws {
    try Daemon.with { daemon in
      let script = "{ \(writer); } | \(Programs.jobctl) run sh -c 'cat; echo end'"
      let done = try Running(
        "sh", ["-c", script], environment: daemon.jobctlEnvironment("alice"), directory: daemon.scratch
      ).wait()
      #expect(
        done.status == 0 && done.text == (writer.hasSuffix("x") ? "xend\n" : "end\n"), "\(done.errorText)")
    }
  }

  @Test func inputGoesOnOverAnUpgrade() throws {
    try Daemon.with { daemon in
      let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      let run = try daemon.startJobctl(
        ["run", "sh", "-c", "for i in $(seq 40); do head -c 200000; sleep 0.05; done"], input: bytes)
      for count in 1...3 {
        let size = run.output.count
        try Poll.until("output to go on") { run.output.count > size || run.hasEnded }
        daemon.signal(SIGUSR2)
        try Poll.until("the upgrade") {
          daemon.log.split(separator: "\n").count { $0.contains("event=upgraded") } == count
        }
      }
      let done = try run.wait()
      #expect(done.status == 0 && done.output == bytes, "\(done.errorText)")
    }
  }

  @Test func aJobWhoseOutputNobodyReadsIsStopped() throws {
    try Daemon.with { daemon in
      let script = "'\(Programs.jobctl)' run yes | head -n 1; echo ${PIPESTATUS[0]}"
      let done = try Running(
        "bash", ["-c", script], environment: daemon.jobctlEnvironment("alice"), directory: daemon.scratch
      ).wait()
      #expect((done.text, done.errorText) == ("y\n141\n", ""))
      #expect(try daemon.client().list(["state": "running"]).jobs.isEmpty)
    }
  }

  @Test func aJobWhoseOutputNobodyReadsIsDeletedOnRequest() throws {
    try Daemon.with { daemon in
      let script = "'\(Programs.jobctl)' run --rm --grace 1s yes | head -n 1; echo ${PIPESTATUS[0]}"
      let done = try Running(
        "bash", ["-c", script], environment: daemon.jobctlEnvironment("alice"), directory: daemon.scratch
      ).wait()
      #expect(done.text == "y\n141\n")
      #expect(try daemon.client().list().jobs.isEmpty)
    }
  }

  /// What is printed must not go into whatever gets the number of the descriptor that is missing.
  @Test(arguments: [
    ("run echo hi", ">&-", 125), ("run true", ">&-", 0), ("run cat", "<&-", 0), ("ps", ">&-", 125),
  ])
  func descriptorsMayBeMissing(command: String, without: String, status: Int32) throws {
    try Daemon.with { daemon in
      let done = try Running(
        "bash", ["-c", "'\(Programs.jobctl)' \(command) \(without)"],
        environment: daemon.jobctlEnvironment("alice"), directory: daemon.scratch
      ).wait()
      #expect(done.status == status, "\(done.errorText)")
      #expect(status == 0 || done.errorText.contains("cannot write output: Bad file descriptor"))
    }
  }

  @Test func whatIsLostOfTheOutputIsTold() throws {
    try Daemon.with(["--output-limit", "1000"], limits: ["--fsize=10000000"]) { daemon in
      let cut = try daemon.jobctl("run", "head", "-c", "5000", "/dev/zero")
      #expect((cut.status, cut.output.count) == (0, 1000))
      #expect(cut.errorText == "jobctl: output past the job's limit was dropped\n")
      let id = try daemon.client().list().jobs[0].id
      #expect(try daemon.jobctl("status", "\(id)").text == "completed, exit code 0, output truncated\n")
    }
  }

  @Test func aDetachedJobRunsOn() throws {
    try Daemon.with { daemon in
      let id = try daemon.jobctl("run", "--detach", "--label", "a=b", "sh", "-c", "sleep 0.2; exit 5").text
      #expect(try daemon.jobctl("wait", id.filter { $0 != "\n" }).status == 5)
      #expect(try daemon.jobctl("run", "--detach", "--rm", "true").status == 120)
      let quiet = try daemon.jobctl("run", "-dn", "readlink", "/proc/self/fd/0").text
      _ = try daemon.jobctl("wait", quiet.filter { $0 != "\n" })
      #expect(try daemon.jobctl("output", quiet.filter { $0 != "\n" }).text == "/dev/null\n")
    }
  }

  @Test func aTimeLimitIsNoSuccess() throws {
    try Daemon.with { daemon in
      let script = "trap 'exit ${0#x}' TERM; while :; do sleep 0.02; done"
      for (code, status) in [("x0", 124), ("x7", 7)] as [(String, Int32)] {
        let run = try daemon.jobctl("run", "--timeout", "2s", "sh", "-c", script, code)
        #expect(run.status == status && run.errorText.contains("time limit ended it"), "\(run.errorText)")
        let id = "\(try daemon.client().list().jobs[0].id)"
        let wait = try daemon.jobctl("wait", id)
        #expect(
          (wait.status, wait.text) == (status, "\(id) completed, exit code \(code.dropFirst()), timed out\n"))
        #expect(try daemon.jobctl("wait", "--any", id).status == status)
        #expect(try daemon.jobctl("ps", "--all", "--limit", "1").text.contains("  timed out  "))
      }
    }
  }

  @Test func jsonTellsAll() throws {
    try Daemon.with { daemon in
      let done = try daemon.jobctl("run", "-o", "json", "sh", "-c", "echo a; echo b >&2; exit 4")
      #expect(done.status == 4)
      let reply = try JSONDecoder().decode(RunReply.self, from: Data(done.output))
      #expect((reply.stdout, reply.stderr, reply.result.exitCode) == ("a\n", "b\n", 4))
      #expect(try daemon.client().detail(reply.id).cmd == "sh")
    }
  }

  private struct RunReply: Decodable {
    let id: JobID
    let result: StatusReply
    let stdout, stderr: String
  }

  @Test func optionsReachTheJob() throws {
    try Daemon.with { daemon in
      let done = try daemon.jobctl(
        "run", "--env", "A=b c", "--cwd", "/usr", "--merge", "sh", "-c", "echo $A; pwd >&2; echo $A")
      #expect((done.text, done.errorText) == ("b c\n/usr\nb c\n", ""))
      let late = try daemon.jobctl("run", "--timeout", "100ms", "--grace", "1s", "sleep", "1000")
      #expect(late.status == 143 && late.errorText.contains("time limit"))
      let long = try daemon.jobctl("run", "--output-limit", "10", "--on-limit", "kill", "yes")
      #expect(long.status == 137 && long.output.count == 10 && long.errorText.contains("output limit"))
    }
  }

  @Test func aDaemonThatStaysAwayIsNotWaitedForLong() throws {
    try Daemon.with { daemon in
      let run = try daemon.startJobctl(["run", "--reply-timeout", "5s", "sleep", "1000"])
      let id = try onlyJob(daemon)
      // A silent server is asked again, and that is no failure.
      daemon.kill()
      run.signal(SIGINT)
      run.signal(SIGINT)
      let done = try run.wait()
      #expect(
        done.status == 121 && done.errorText.contains("did not reach the job"), "\(done.errorText) \(id)")
    }
  }
}
