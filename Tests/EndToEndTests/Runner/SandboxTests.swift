import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Jobs in bubblewrap.
@Suite(.serialized) struct SandboxTests {
  private func with(_ options: [String] = [], _ body: (Daemon) throws -> Void) throws {
    try RunnerScope.with(RunnerScope.sandbox(), options, body)
  }

  /// Whom jobs run as: root too, where that is who runs the tests.
  private static let users: [String?] = geteuid() == 0 ? [nil, "nobody"] : [nil]

  private func run(
    _ script: String, in daemon: Daemon, runner: String = "sandbox", user: String?
  ) throws -> String {
    var request = CreateRequest.shell(script, runner: runner)
    request.user = user
    let id = try daemon.client().create(request)
    let end = try daemon.client().end(of: id)
    let output = try daemon.client().output(id)
    #expect(end.exitCode == 0, "\(end) \(output.stderr)")
    return output.stdout
  }

  @Test(arguments: users) func itSeesNoOtherProcess(user: String?) throws {
    try with { daemon in
      let look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; echo end"
      #expect(try run(look, in: daemon, runner: "none", user: user).contains("supervisor"))
      let seen = try run(look, in: daemon, user: user)
      #expect(seen.contains("bwrap") && !seen.contains("supervisor"), "\(seen)")
    }
  }

  @Test(arguments: users) func itsTerminalIsThere(user: String?) throws {
    try with { daemon in
      var request = CreateRequest.shell(
        "test -t 2 && stty size; echo named >/dev/tty; exit 3", runner: "sandbox")
      (request.user, request.tty) = (user, TerminalSize(rows: 40, columns: 120))
      let id = try daemon.client().create(request)
      #expect(try daemon.client().end(of: id).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "40 120\r\nnamed\r\n")
    }
  }

  @Test(arguments: users) func itWritesNothingOutside(user: String?) throws {
    try with { daemon in
      let mark = "jobd-sandbox-\(getpid())-\(UInt64.random(in: 0 ... .max))"
      let places = ["/tmp", "/var/tmp", "/usr", "/run", "/etc", "/dev/shm"]
      let script = """
        mount -o remount,rw,bind / /; mount -o remount,rw /; umount -l /tmp; umount -l /run
        for place in \(places.joined(separator: " ")); do echo >$place/\(mark); done
        echo done
        """
      let output = try run(script, in: daemon, user: user)
      #expect(output == "done\n")
      for place in places { #expect(!Files.exists("\(place)/\(mark)"), "\(place)") }
    }
  }

  @Test(arguments: users) func itReachesNoNetwork(user: String?) throws {
    try with { daemon in
      let script = """
        bash -c 'exec 3<>/dev/tcp/127.0.0.1/\(daemon.port)' 2>/dev/null && echo reached || echo refused
        """
      let outside = try run(script, in: daemon, runner: "none", user: user)
      let inside = try run(script, in: daemon, user: user)
      #expect(outside == "reached\n" && inside == "refused\n")
    }
  }

  @Test func streamsInputDirectoryEnvironmentAndExitCodeAreTheJobs() throws {
    try with { daemon in
      let client = daemon.client()
      var request = CreateRequest.shell("cat; pwd; echo \"$A\"; echo words >&2; exit 7", runner: "sandbox")
      (request.stdin, request.cwd, request.env) = ("input\n", "/usr", ["A": "a 'value' = $HOME"])
      let id = try client.create(request)
      #expect(try client.end(of: id).exitCode == 7)
      let output = try client.output(id)
      #expect(output.stdout == "input\n/usr\na 'value' = $HOME\n" && output.stderr == "words\n")
    }
  }

  @Test func aStopReachesTheJobsTrap() throws {
    try with { daemon in
      let client = daemon.client()
      let trap = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done"
      let id = try client.create(.shell(trap, runner: "sandbox"))
      try client.waitForOutput("up", of: id)
      #expect(try client.stop(id, grace: DurationText("60s")).exitCode == 3)
      #expect(try client.output(id).stdout == "up\nbye\n")
    }
  }

  @Test func theTimeLimitEndsAllOfIt() throws {
    try with { daemon in
      let seconds = "100000.\(UInt32.random(in: 1_000_000 ..< .max))"
      var request = CreateRequest.shell("setsid sleep \(seconds) & sleep \(seconds)", runner: "sandbox")
      (request.timeout, request.grace) = (DurationText("1s"), DurationText("100ms"))
      let id = try daemon.client().create(request)
      #expect(try daemon.client().end(of: id).timedOut == true)
      try Poll.until("the end of its processes") { Processes.withWord(seconds).isEmpty }
    }
  }

  @Test func aDeletionLeavesNothing() throws {
    try with { daemon in
      let client = daemon.client()
      let seconds = "100000.\(UInt32.random(in: 1_000_000 ..< .max))"
      let id = try client.create(.shell("setsid sleep \(seconds) & sleep \(seconds)", runner: "sandbox"))
      try Poll.until("its processes") { Processes.withWord(seconds).count >= 2 }
      try client.delete(id)
      #expect(Processes.withWord(seconds).isEmpty)
    }
  }

  @Test func theNextSupervisorGoesOnWithIt() throws {
    try with { daemon in
      let id = try daemon.client().create(
        .shell("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done", runner: "sandbox"))
      try daemon.client().waitForOutput("up", of: id)
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      #expect(try daemon.client().status(id).status == .running)
      #expect(try daemon.client().stop(id, grace: DurationText("60s")).exitCode == 3)
      #expect(try daemon.client().output(id).stdout == "up\nbye\n")
    }
  }

  /// What a client says of the environment is the job's, and begins behind the runner.
  @Test func nothingOfTheClientsEnvironmentReachesTheRunner() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (spy, seen) = ("\(scratch.path)/spy", "\(scratch.path)/seen")
    try Files.write(
      Array("#!/bin/bash\ntr '\\0' '\\n' </proc/$$/environ >\(seen)\nexec \"$@\"\n".utf8), to: spy,
      mode: 0o755)
    let runner =
      "spy: { command: [\"\(spy)\", \"{env}\"], environment: { OWN: \"1\", PATH: \"/usr/bin:/bin\" } },"
    try RunnerScope.with(runner) { daemon in
      let hostile = [
        "LD_PRELOAD": "/evil/evil.so", "PATH": "/evil:/usr/bin:/bin", "SLURM_CONF": "/evil/evil",
        "BASH_ENV": "/evil/evil.sh", "OWN": "evil", "IFS": "evil",
      ]
      var request = CreateRequest.shell("env | grep evil | sort; echo $PATH", runner: "spy")
      request.env = hostile
      let id = try daemon.client().create(request)
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let lines = Files.text(seen).split(separator: "\n")
      #expect(lines.contains("OWN=1") && lines.contains("PATH=/usr/bin:/bin"), "\(lines)")
      #expect(!lines.contains { $0.contains("evil") }, "\(lines)")
      let output = try daemon.client().output(id).stdout
      #expect(output.contains("SLURM_CONF=/evil/evil\n") && output.contains("OWN=evil\n"), "\(output)")
      #expect(output.hasSuffix("/evil:/usr/bin:/bin\n"), "\(output)")
    }
  }
}
