import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Jobs of a runner whose other side is a directory.
@Suite struct RunnerTests {
  private func with(_ more: String = "", _ body: (Daemon, AwayRunner) throws -> Void) throws {
    let away = try AwayRunner()
    defer { away.scratch.remove() }
    try Daemon.with(Daemon(["--client-role", "operator"], configuration: away.configuration(more))) {
      try body($0, away)
    }
  }

  private func request(_ script: String) -> CreateRequest { .shell(script, runner: "away") }

  private func waitUntilThere(_ id: JobID, _ away: AwayRunner) throws {
    try Poll.until("the job elsewhere") { away.has("\(id)") && away.text("\(id)").hasSuffix("\n") }
  }

  @Test func aJobIsAsAnyOther() throws {
    try with { daemon, away in
      let client = daemon.client()
      var asked = request("read line; echo $line $A; echo err >&2; pwd; exit 7")
      (asked.stdin, asked.env, asked.cwd) = ("in\n", ["A": "b c"], "/usr")
      let id = try client.create(asked)
      #expect(try client.end(of: id).exitCode == 7)
      let output = try client.output(id)
      #expect(output.stdout == "in b c\n/usr\n" && output.stderr == "err\n")
      let detail = try client.detail(id)
      #expect(detail.runner == "away" && detail.cleanup == nil && detail.facts.runnerError == nil)
      #expect(!away.has("cancelled"), "the runner ended it")
      for rm in [[], ["--rm"]] {
        let run = try daemon.startJobctl(
          ["run", "--runner", "away"] + rm + ["sh", "-c", "cat; exit 3"], input: Array("fed".utf8)
        ).wait()
        #expect(run.status == 3 && run.text == "fed" && run.errorText == "")
      }
    }
  }

  @Test func nothingOfAClientsEnvironmentReachesTheRunner() throws {
    let configuration = """
      { runners: { show: { command: ["/bin/sh", "-c", "env; pwd; exec \\"$@\\"", "show", "{env}"], environment: { R: "1" } } } }
      """
    try Daemon.with(Daemon(configuration: configuration)) { daemon in
      var asked = CreateRequest(cmd: "sh", args: ["-c", "echo job; echo $PATH"])
      asked.runner = "show"
      asked.env = [
        "LD_PRELOAD": "/nonexistent.so", "PATH": "/usr/bin:/bin", "SLURM_CONF": "/x", "BASH_ENV": "/x",
        "HOME": "/x",
      ]
      let id = try daemon.client().create(asked)
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let parts = try daemon.client().output(id).stdout.split(separator: "job\n")
      let lines = try #require(parts.first).split(separator: "\n")
      let names = Set(lines.map { String($0.prefix { $0 != "=" }) })
      #expect(
        names.subtracting(["/", "OLDPWD", "PWD", "SHLVL", "_"])
          == ["PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL", "R", "JOBD_JOB_ID"])
      #expect(!lines.contains("HOME=/x") && !lines.contains("PATH=/usr/bin:/bin") && lines.last == "/")
      #expect(parts.last == "/usr/bin:/bin\n")
    }
  }

  @Test func itsCommandHasWordsOfItsOwnForATerminal() throws {
    let configuration = """
      { runners: { show: { command: ["env", "A=1"], terminal: ["T=a terminal"] } } }
      """
    try Daemon.with(Daemon(configuration: configuration)) { daemon in
      let client = daemon.client()
      var asked = CreateRequest.shell("echo $A $T; test -t 0 && stty size", runner: "show")
      let without = try client.create(asked)
      asked.tty = TerminalSize(rows: 40, columns: 120)
      let with = try client.create(asked)
      for id in [without, with] { _ = try client.end(of: id) }
      #expect(try client.output(without).stdout == "1\n")
      #expect(try client.output(with).stdout == "1 a terminal\r\n40 120\r\n")
    }
  }

  @Test func stopIsHeardByTheJobAlone() throws {
    try with { daemon, away in
      let client = daemon.client()
      let id = try client.create(request("trap 'echo bye; exit 9' TERM; echo up; sleep 100 & wait"))
      try waitUntilThere(id, away)
      try Poll.until("its trap") { try client.output(id).stdout == "up\n" }
      let ended = try client.stop(id)
      #expect(ended.exitCode == 9 && ended.endedBy == .stop)
      #expect(try client.output(id).stdout == "up\nbye\n")
      #expect(
        away.text("signals") == "TERM \(String(cString: getpwuid(geteuid()).pointee.pw_name)) of the runner\n"
      )
      #expect(try !away.has("cancelled") && client.detail(id).cleanup == nil)
    }
  }

  @Test func aTimeLimitIsHeardToo() throws {
    try with { daemon, away in
      var asked = request("trap 'exit 9' TERM; sleep 100 & wait")
      asked.timeout = DurationText("1s")
      let id = try daemon.client().create(asked)
      let ended = try daemon.client().end(of: id)
      #expect(ended.exitCode == 9 && ended.timedOut == true && away.text("signals").hasPrefix("TERM "))
    }
  }

  @Test func signalsGoByTheRunnersCommand() throws {
    try with { daemon, away in
      let client = daemon.client()
      let id = try client.create(request("trap 'exit 5' USR1; sleep 100 & wait"))
      try waitUntilThere(id, away)
      let sent = try daemon.jobctl("signal", "USR1", "\(id)")
      #expect(sent.status == 0, "\(sent.errorText)")
      #expect(try client.end(of: id).exitCode == 5 && away.text("signals").hasPrefix("USR1 "))
    }
  }

  @Test func aSignalThatFailsIsTold() throws {
    try with { daemon, away in
      let client = daemon.client()
      let id = try client.create(request("sleep 100"))
      try waitUntilThere(id, away)
      // The file names no process.
      try Files.write(Array("nonsense\n".utf8), to: "\(away.scratch.path)/away/\(id)")
      let failures = try daemon.growth(of: #"jobd_runner_failures_total{command="signal"}"#) {
        let sent = try daemon.jobctl("signal", "USR1", "\(id)")
        #expect(sent.status != 0 && sent.errorText.contains("signal: \(away.script): exit status"))
      }
      #expect(failures == 1)
      #expect(try client.detail(id).facts.runnerError?.contains("exit status") == true)
      try client.delete(id)
    }
  }

  @Test func whatAKilledRunnerLeftIsEnded() throws {
    try with { daemon, away in
      let client = daemon.client()
      let stopped = try client.create(request("sleep 100"))
      let deleted = try client.create(request("sleep 100"))
      for id in [stopped, deleted] { try waitUntilThere(id, away) }
      _ = try client.stop(stopped, grace: DurationText("0s"))
      #expect(!away.has("\(stopped)") && away.text("cancelled") == "\(stopped)\n")
      #expect(try client.detail(stopped).cleanup == .done)
      try client.delete(deleted)
      #expect(!away.has("\(deleted)"), "a deletion is answered when nothing is left")
      #expect(throws: (any Error).self) { try client.status(deleted) }
    }
  }

  /// Until the command works, over a death of the supervisor too.
  @Test func aCleanupThatFailsIsToldAndTriedAgain() throws {
    try with { daemon, away in
      let client = daemon.client()
      let id = try client.create(request("sleep 100"))
      try waitUntilThere(id, away)
      try away.note("broken")
      let refused = try daemon.curl("DELETE", "/jobs/\(id)")
      #expect(refused.status == 503 && refused.text.contains("the controller is down"), "\(refused.text)")
      #expect(away.has("\(id)"))
      let detail = try daemon.client().detail(id)
      #expect(detail.state.status == .completed && detail.cleanup == .pending)
      #expect(detail.facts.runnerError == "cleanup: \(away.script): exit status 4: the controller is down")
      #expect(daemon.log.contains("event=runner_cleanup_failed id=\(id)"))
      #expect(try Metrics(daemon)["jobd_runner_uncleaned_jobs"] == 1)
      try daemon.killSupervisor()
      #expect(try daemon.client().detail(id).cleanup == .pending)
      away.remove("broken")
      try Poll.until("the cleanup") { try daemon.client().detail(id).cleanup == .done }
      #expect(!away.has("\(id)"))
      try daemon.client().delete(id)
    }
  }

  /// The record alone tells of what is left.
  @Test func aRunThatIsRemovedStaysUntilItIsClean() throws {
    try with { daemon, away in
      let run = try daemon.startJobctl(
        ["run", "--rm", "--runner", "away", "--timeout", "1s", "--grace", "0s", "sleep", "100"])
      try Poll.until("the job") { try daemon.client().list().jobs.count == 1 }
      let id = try #require(try daemon.client().list().jobs.first).facts.id
      try waitUntilThere(id, away)
      try away.note("broken")
      _ = try run.wait()
      #expect(try daemon.client().detail(id).cleanup == .pending && away.has("\(id)"))
      try daemon.killSupervisor()
      away.remove("broken")
      try Poll.until("the cleanup") { !away.has("\(id)") }
    }
  }

  /// It had nothing to clean up, so that there is nothing to wait for.
  @Test func aRunnerThatWasTakenAwayHoldsNoJob() throws {
    try Daemon.with(Daemon(configuration: "{ runners: { plain: { command: ['env'] } } }")) { daemon in
      let client = daemon.client()
      var asked = CreateRequest(cmd: "sleep", args: ["100"])
      asked.runner = "plain"
      let id = try client.create(asked)
      try Poll.until("its start") { try client.detail(id).facts.started != nil }
      try daemon.configure("{}")
      #expect(try daemon.control("reload").status == 0)
      try daemon.client().delete(id)
    }
  }

  /// Whether it was held, and is adopted, or not.
  @Test(arguments: [true, false]) func whatADeadSupervisorLeftIsEnded(isHeld: Bool) throws {
    try with { daemon, away in
      let id = try daemon.client().create(request("sleep 100"))
      try waitUntilThere(id, away)
      if isHeld { try daemon.waitUntilHeld(1) }
      try daemon.killSupervisor()
      if isHeld {
        #expect(away.has("\(id)"), "it goes on")
        let ended = try daemon.client().stop(id)
        #expect(ended.exitCode == 143 && away.text("signals").hasPrefix("TERM "))
      } else {
        let ended = try daemon.client().end(of: id)
        // It may have been old enough after all.
        #expect(ended.status == .error || ended.exitCode == 137)
        try Poll.until("the cleanup") { try daemon.client().detail(id).cleanup == .done }
        #expect(!away.has("\(id)"))
      }
    }
  }

  @Test func itsFailureCodeIsAnErrorWithItsWords() throws {
    try with { daemon, _ in
      let client = daemon.client()
      let id = try client.create(request("echo no >&2; echo room >&2; exit 253"))
      let ended = try client.end(of: id)
      #expect(ended.status == .error && ended.exitCode == nil)
      #expect(ended.errorMessage == "the runner \"away\" could not start the job: no; room")
    }
  }

  @Test func aRunnerThatIsNotThereIsNoMissingCommand() throws {
    try Daemon.with(Daemon(configuration: "{ runners: { gone: { command: ['/nonexistent/runner'] } } }")) {
      daemon in
      let run = try daemon.jobctl("run", "--runner", "gone", "true")
      #expect(run.status != 127, "\(run.status)")
      #expect(
        run.errorText.contains(
          "the runner \"gone\": cannot start the job: exec \"/nonexistent/runner\": No such file or directory"
        ),
        "\(run.errorText)")
      #expect(daemon.log.contains("event=launch_failed"))
    }
  }

  @Test(arguments: [
    (#"{"cmd":"true","runner":"nope"}"#, #"runner: yours are away, none, and not \"nope\""#),
    (#"{"cmd":"true","runner":"a b"}"#, "runner"),
    (#"{"cmd":"-x","runner":"away"}"#, "cmd: the runner"),
    (
      #"{"cmd":"true","runner":"away","limits":{"memory":"1GiB"}}"#,
      #"limits: the runner \"away\" cannot limit memory: it limits nothing"#
    ),
  ])
  func whatCannotBeIsRefused(body: String, said: String) throws {
    try with { daemon, _ in
      for path in ["/jobs", "/jobs:run"] {
        let reply = try daemon.curl(path == "/jobs" ? "PUT" : "POST", path, body: body)
        #expect(reply.status == 400 && reply.text.contains(said), "\(reply.text)")
      }
    }
  }

  @Test func clientsHaveTheirOwn() throws {
    try with("clients: { bob: { runners: ['away'], runner: 'away' }, alice: { runners: ['none'] } }") {
      daemon, away in
      let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","runner":"away"}"#)
      #expect(refused.status == 400 && refused.text.contains(#"runner: yours are none, and not \"away\""#))
      let bob = daemon.client("bob")
      let id = try bob.create(CreateRequest(cmd: "true"))
      #expect(try bob.end(of: id).exitCode == 0 && bob.detail(id).runner == "away")
      let none = try daemon.curl("PUT", "/jobs", as: "bob", body: #"{"cmd":"true","runner":"none"}"#)
      #expect(
        none.status == 400 && none.text.contains("runner: yours are away, and not none"), "\(none.text)")
    }
  }

  /// A retry is the same request, whatever the default has become.
  @Test func aRetryIsKnownUnderAnotherDefault() throws {
    try with { daemon, away in
      let id = try daemon.client().create(CreateRequest(cmd: "true"), key: "k")
      try daemon.configure(
        away.configuration("client_runner: 'none', clients: { alice: { runner: 'away' } }"))
      #expect(try daemon.control("reload").status == 0)
      #expect(try daemon.client().create(CreateRequest(cmd: "true"), key: "k") == id)
      let other = try daemon.client().create(CreateRequest(cmd: "true"))
      #expect(try daemon.client().detail(other).runner == "away")
    }
  }
}
