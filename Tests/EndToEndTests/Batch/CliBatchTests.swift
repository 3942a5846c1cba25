import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `jobctl batch`: what it runs, what it tells, what it exits with.
@Suite(.serialized) struct CliBatchTests {
  @Test func allLinesRunOnce() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["# comment", ""] + (1...450).map { batch.noting($0) } + ["{\"cmd\":\"true\"}"])
      let done = try batch.run("--key", "all", "--label", "a=b", "--cwd", "/tmp")
      #expect(done.status == 0 && done.errorText.isEmpty, "\(done.errorText)")
      #expect(done.text.hasPrefix("451 commands: 451 succeeded, in "), "\(done.text)")
      #expect(batch.ran.sorted() == Array(1...450))
      let list = try daemon.client().list(["label": "batch=all", "limit": "1"])
      #expect(list.jobs[0].labels == ["a": "b", "batch": "all"] && list.jobs[0].cwd == "/tmp")
    }
  }

  @Test func inputComesFromStandardInputToo() throws {
    try Daemon.with { daemon in
      for arguments in [["batch", "-o", "json"], ["batch", "-o", "json", "-"]] {
        let done = try daemon.startJobctl(arguments, input: Array("true\nfalse".utf8)).wait()
        #expect(done.status == 1 && done.text.contains(#""failed":1,"#), "\(done.text)\(done.errorText)")
        #expect(done.text.contains(#""not_run":0"#) && done.text.contains(#""succeeded":1}"#))
      }
      let none = try daemon.startJobctl(["batch"], input: []).wait()
      #expect(none.status == 0 && none.text.hasPrefix("0 commands: 0 succeeded"), "\(none.errorText)")
      #expect(try daemon.jobctl("batch", "/nonexistent").status == 125)
      #expect(try daemon.jobctl("batch", "/tmp").errorText.contains("Is a directory"))
    }
  }

  @Test func aPipeRunsAsItFills() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let done = try batch.piped(
        "echo '\(batch.noting(1))'; until [ -s \(batch.runs) ]; do sleep 0.02; done; echo '\(batch.noting(2))'"
      )
      #expect(done.status == 0 && batch.ran == [1, 2], "\(done.errorText)")
      #expect(done.text.hasPrefix("2 commands: 2 succeeded"))
    }
  }

  @Test(arguments: ["1", "3"]) func nothingBeginsAfterAFailure(slots: String) throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let fails = #"sh -c "seq 9; echo oops >&2; exit 7""#
      try batch.write([fails] + (1...300).map { batch.waiting($0) })
      let running = try batch.start(["-j", slots, "--key", "first"])
      try Poll.until("the failure") { running.errorText.contains("line 1 failed") }
      try batch.open()
      let done = try running.wait()
      #expect(done.status == 1)
      let lines = done.errorText.split(separator: "\n")
      #expect(lines[0].contains("exit code 7 (job "))
      let shown = lines[1...6].map(String.init)
      #expect(shown == ["  stderr: oops"] + (5...9).map { "  stdout: \($0)" }, "\(lines)")
      let others = Int(slots)! - 1
      #expect(batch.ran.sorted() == Array(1..<(1 + others)), "what was sent with it: \(batch.ran)")
      #expect(
        done.text.hasPrefix("301 commands: \(others) succeeded, 1 failed, \(300 - others) not run"),
        "\(done.text)")
      #expect(done.errorText.contains("--key first --retry 1,"), "\(done.errorText)")
      #expect(done.errorText.contains("jobctl ps --all --filter label=batch=first\n"))
      #expect(try daemon.client().list().jobs.count == 1 + others, "nothing waits there")
    }
  }

  @Test func aFailureSeenBeforeStopsAgain() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["false", batch.noting(1), batch.noting(2)])
      for _ in 0..<2 {
        #expect(
          try batch.run("-j", "1", "--key", "k").text.hasPrefix(
            "3 commands: 0 succeeded, 1 failed, 2 not run"))
      }
      #expect(batch.ran == [])
      let done = try batch.run("-j", "1", "--key", "k", "-k")
      #expect(done.status == 1 && batch.ran == [1, 2], "\(done.errorText)")
    }
  }

  @Test func withKeepGoingAllRun() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(
        (1...60).map { batch.noting($0, $0 % 20 == 0 ? "kill -9 $$" : "true") } + ["/nonexistent/x"]
          + [#"{"cmd":"sleep","args":["1000"],"timeout":"100ms"}"#])
      let done = try batch.run("--keep-going", "-j", "4")
      #expect(done.status == 1 && batch.ran.sorted() == Array(1...60))
      #expect(done.text.hasPrefix("62 commands: 57 succeeded, 5 failed, in "), "\(done.text)")
      for words in [
        "line 20 failed: ", "ended by signal KILL", "line 61 failed: ", "No such file", "timed out",
      ] {
        #expect(done.errorText.contains(words), "\(done.errorText)")
      }
    }
  }

  @Test func aFailureIsTriedAgain() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.noting(1, "[ $(wc -l <\(batch.runs)) -ge 3 ]")])
      let twice = try batch.run("--retry", "1", "--key", "again")
      #expect(twice.status == 1 && batch.ran.count == 2)
      #expect(twice.errorText.contains("line 1 failed after 2 attempts"), "\(twice.errorText)")
      let thrice = try batch.run("--retry", "2", "--key", "again")
      #expect(thrice.status == 0 && batch.ran.count == 3, "goes on after the second: \(thrice.errorText)")
    }
  }

  @Test func noMoreRunAtOnceThanIsSaid() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let place = daemon.scratch.fresh("now")
      mkdir(place, 0o777)
      try batch.write(
        (1...40).map { _ in
          #"sh -c "mkdir \#(place)/$$; ls \#(place) | wc -l >>\#(batch.runs); sleep 0.02; rmdir \#(place)/$$""#
        })
      #expect(try batch.run("-j3", "--key", "three").status == 0)
      #expect(batch.ran.count == 40 && batch.ran.max()! <= 3, "\(batch.ran)")
      #expect(try daemon.client().list(["limit": "1"]).jobs[0].queue == "batch/three")
      #expect(try batch.run("-j3", "--queue", "x").status == 120)
    }
  }

  @Test func limitsOfAClientAreWaitedFor() throws {
    try Daemon.with(["--client-running-jobs", "2", "--client-queued-jobs", "5", "--client-create-rate", "50"])
    {
      daemon in
      let batch = BatchFixture(daemon)
      try batch.write((1...230).map { batch.noting($0) })
      let done = try batch.run()
      #expect(done.status == 0 && batch.ran.sorted() == Array(1...230), "\(done.errorText)")
      #expect(done.errorText.hasPrefix("jobctl: waits until the daemon takes more: "))
      #expect(done.errorText.split(separator: "\n").count == 1, "told once")
    }
  }

  @Test func aBrokenLineIsToldBeforeAnythingIsSent() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write((1...300).map { batch.noting($0) } + ["echo 'x"])
      let done = try batch.run()
      #expect(
        done.status == 120 && done.errorText.contains("\(batch.commands): line 301: a ' is not closed"),
        "\(done.errorText)")
      #expect(try daemon.client().list().jobs.isEmpty)
      try batch.write([#"{"cmd":"true","tiemout":"1s"}"#])
      #expect(try batch.run().errorText.contains("line 1: unknown member \"tiemout\""))
    }
  }

  @Test func aBrokenLineOfAPipeIsToldAndNothingIsLost() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let script = "echo '\(batch.noting(1))'; until [ -s \(batch.runs) ]; do sleep 0.02; done; echo"
      let done = try batch.piped("\(script) x \\;\\'", "--key", "pipe")
      #expect(
        done.status == 120
          && done.errorText.contains("jobctl: standard input: line 2: \";\" is for a shell"),
        "\(done.errorText)")
      #expect(done.text.hasPrefix("1 command: 1 succeeded, in "), "\(done.text)")
      #expect(done.errorText.contains("with --key pipe, the wrong line mended"))
      let again = try batch.piped("\(script) true", "--key", "pipe")
      #expect(again.status == 0 && batch.ran == [1], "\(again.errorText)")
    }
  }

  @Test func tenThousandCommandsRun() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(Array(repeating: "true", count: 10_000))
      let done = try batch.run("--rm", "--key", "many")
      #expect(
        done.status == 0 && done.text.hasPrefix("10000 commands: 10000 succeeded, in"), "\(done.errorText)")
      #expect(try daemon.client().list(["label": "batch=many"]).jobs.isEmpty)
      let again = try batch.run("--rm", "--key", "many")
      #expect(again.status == 1 && again.text.hasPrefix("10000 commands: 0 succeeded, "), "\(again.text)")
      #expect(again.errorText.contains("its job is gone, and how it ended is not known"))
      #expect(try daemon.client().list().jobs.isEmpty, "nothing ran twice")
    }
  }

  @Test func withRmFailuresAreKept() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["true", "false", "true"])
      #expect(try batch.run("--rm", "--keep-going").status == 1)
      #expect(try daemon.client().list().jobs.map(\.cmd) == ["false"])
    }
  }

  @Test func aFailureThatFindsNoRoomForItsRetryIsTold() throws {
    try Daemon.with(["--client-stored-bytes", "10KiB"]) { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["sh -c \"head -c 20000 /dev/zero; exit 5\"", batch.waiting(2)])
      let running = try batch.start(["--retry", "1", "--results", daemon.scratch.fresh("results")])
      try Poll.until("the retry to wait") { running.errorText.contains("waits until the daemon takes more") }
      // Its failure ends the batch.
      let other = try #require(try daemon.client().list(["state": "running"]).jobs.first)
      try daemon.client().delete(other.id)
      let done = try running.wait()
      #expect(done.status == 1 && done.errorText.contains("line 1 failed: "), "\(done.errorText)")
      #expect(done.text.hasPrefix("2 commands: 0 succeeded, 2 failed, in "), "\(done.text)")
    }
  }

  @Test func whatSomebodyElseRemovesHasFailed() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.waiting(1)])
      let running = try batch.start(["--rm"])
      try Poll.until("it to run") { batch.ran == [1] }
      try daemon.client().delete(try daemon.client().list().jobs[0].id)
      let done = try running.wait()
      #expect(done.status == 1 && done.errorText.contains("its job was removed"), "\(done.errorText)")
    }
  }

  @Test func whatIsTooLargeForARequestIsSentInParts() throws {
    try Daemon.with(["--max-body", "4KiB"]) { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(
        (1...20).map { batch.noting($0, "true " + String(repeating: "x", count: 1000)) }
          + ["true " + String(repeating: "x", count: 5000)])
      let done = try batch.run("-k")
      #expect(done.status == 1 && batch.ran.sorted() == Array(1...20), "\(done.errorText)")
      #expect(
        done.errorText.contains("line 21 failed: ")
          && done.errorText.contains(
            "the daemon does not take it: the request body is larger than 4096 bytes (its --max-body)")
      )
      #expect(done.text.hasPrefix("21 commands: 20 succeeded, 1 failed"), "\(done.text)")
    }
  }

  @Test func linesMayEndInCarriageReturns() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.noting(1) + "\r", "\r", "true\r"])
      for key in ["words", "shell"] {
        let done = try batch.start(["--key", key] + (key == "shell" ? ["--shell"] : [])).wait()
        #expect(done.status == 0, "\(done.errorText)")
      }
      #expect(batch.ran == [1, 1])
    }
  }

  @Test func commandsMayBeTyped() throws {
    try Daemon.with { daemon in
      let session = try TerminalSession(
        Programs.jobctl, ["batch", "--key", "typed"], environment: daemon.jobctlEnvironment("alice"))
      try session.expect("jobctl: reads commands from the keyboard, one a line; Ctrl-D ends them")
      session.type("true\n\u{4}")
      #expect(try session.wait() == 0)
      try session.expect("1 command: 1 succeeded, in ")
      try session.expect("to see the jobs: jobctl ps --all --filter label=batch=typed")
    }
  }

  @Test func aTerminalShowsHowFarItIs() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["true", "false", batch.waiting(1)])
      let session = try TerminalSession(
        Programs.jobctl, ["batch", "-k", batch.commands], environment: daemon.jobctlEnvironment("alice"))
      try session.expect("2 of 3 done, 1 failed, 1 running")
      try session.expect("jobctl: line 2 failed: false")
      try batch.open()
      #expect(try session.wait() == 1)
      try session.expect("\r\u{1b}[K3 commands: 2 succeeded, 1 failed, in ")
    }
  }

  @Test func whatIsGivenIsChecked() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["true"])
      for (arguments, words) in [
        (
          ["--key", "a/b"],
          "letters, digits, '-', '_' or '.'; the key of the certificate is given by --cert-key"
        ),
        (["--label", "batch=x"], "--label batch is the batch's own"), (["-j", "0"], "must be"),
        (["--timeout", "0s"], "--timeout must be"), (["--shell=x"], "takes no value"),
      ] {
        let done = try batch.start(arguments).wait()
        #expect(done.status == 120 && done.errorText.contains(words), "\(done.errorText)")
      }
      let lost = try batch.start(["--server", "localhost:1"]).wait()
      #expect(lost.status == 121 && !lost.errorText.contains("to go on"), "\(lost.errorText)")
      var environment = daemon.jobctlEnvironment("alice")
      let key = environment.removeValue(forKey: "JOBCTL_KEY")!
      let done = try Running(
        Programs.jobctl, ["batch", "--cert-key", key, batch.commands], environment: environment,
        directory: daemon.scratch
      ).wait()
      #expect(done.status == 0, "\(done.errorText)")
    }
  }
}
