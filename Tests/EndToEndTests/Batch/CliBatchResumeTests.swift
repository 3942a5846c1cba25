import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A batch that is interrupted and started again: it goes on where it was, and runs nothing twice.
@Suite(.serialized) struct CliBatchResumeTests {
  private static let count = 500

  private static let kills = 6

  /// Runs a batch of so many commands that is killed each time `step` more of them have run, and then to its end. The next ones
  /// wait, so that it is killed in its midst however fast it is.
  private func killed(
    _ batch: BatchFixture, _ options: [String], every step: Int, _ then: (Int) -> String,
    meanwhile: (Int) throws -> Void = { _ in }
  ) throws -> Finished {
    let gates = try BatchGates(batch, count: Self.kills + 1)
    try batch.write(
      (1...Self.count).map {
        batch.noting($0, "\(gates.pass(min(($0 - 1) / step, Self.kills))); \(then($0))")
      })
    for kill in 1...Self.kills {
      let running = try batch.start(options)
      gates.openNext()
      try Poll.until("some to run") { batch.ran.count >= kill * step || running.hasEnded }
      running.signal(SIGKILL)
      #expect(try running.wait().status == 137, "killed while it ran: \(running.errorText)")
      try meanwhile(kill)
    }
    gates.openAll()
    return try batch.start(options).wait()
  }

  @Test(arguments: [[], ["-j", "4"], ["--results", "DIR", "-j", "7"]])
  func nothingRunsTwiceAfterKills(options: [String]) throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let directory = daemon.scratch.fresh("results")
      let options = ["--key", "killed"] + options.map { $0 == "DIR" ? directory : $0 }
      let done = try killed(batch, options, every: 40) { "echo out \($0)" }
      #expect(done.status == 0 && batch.ran.sorted() == Array(1...Self.count), "\(done.errorText)")
      #expect(done.text.hasPrefix("\(Self.count) commands: \(Self.count) succeeded"), "\(done.text)")
      guard options.contains(directory) else { return }
      for line in 1...Self.count {
        #expect(Files.text("\(directory)/\(line).stdout") == "out \(line)\n")
      }
      let names = Files.list(directory).filter { $0.hasPrefix(".") }
      #expect(names.isEmpty, "\(names)")
    }
  }

  /// What a supervisor that is killed knew alone is lost: such a job failed, and may have run. All others ran once.
  private func checkAfterKills(_ batch: BatchFixture, _ done: Finished) {
    let lost = done.errorText.split(separator: "\n").count { $0.contains("supervision of the job was lost") }
    let ran = Set(batch.ran)
    #expect(ran.count == batch.ran.count, "nothing ran twice")
    #expect(ran.count >= Self.count - lost && done.status == (lost > 0 ? 1 : 0), "\(done.errorText)")
    let failures = lost > 0 ? ", \(lost) failed" : ""
    #expect(done.text.contains(": \(Self.count - lost) succeeded\(failures), in"), "\(done.text)")
  }

  private func kill(_ daemon: Daemon, supervisor: Bool) throws {
    if supervisor { try daemon.killSupervisor() } else { Glibc.kill(daemon.apiPid, SIGKILL) }
  }

  @Test func nothingRunsTwiceWhenTheDaemonIsKilledToo() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let done = try killed(batch, ["--key", "both", "-j", "5", "-k"], every: 30) { _ in
        "true"
      } meanwhile: { number in
        try kill(daemon, supervisor: number % 2 == 0)
      }
      checkAfterKills(batch, done)
    }
  }

  @Test func aDaemonThatIsKilledMeanwhileIsBridged() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write((1...Self.count).map { batch.noting($0, "sleep 0.02") })
      let running = try batch.start(["-j", "5", "-k"])
      for number in 1...4 {
        try Poll.until("some to run") { batch.ran.count >= number * 40 || running.hasEnded }
        try kill(daemon, supervisor: number % 2 == 0)
      }
      checkAfterKills(batch, try running.wait())
    }
  }

  @Test func anInterruptedOneSaysHowToGoOn() throws {
    try Daemon.with { daemon in
      for signal in [SIGINT, SIGTERM, SIGHUP] {
        let batch = BatchFixture(daemon)
        try batch.write((1...20).map { batch.waiting($0) })
        let options = ["-j", "2", "--key", "stopped-\(signal)"]
        let running = try batch.start(options)
        try Poll.until("two to run") { batch.ran.count == 2 }
        running.signal(signal)
        let done = try running.wait()
        #expect(done.status == 128 + signal)
        for words in [
          "interrupted: 0 of 20 done", "--key stopped-\(signal)\n",
          "jobctl stop --filter label=batch=stopped-\(signal)\n",
        ] { #expect(done.errorText.contains(words), "\(done.errorText)") }
        #expect(try daemon.client().list(["state": "running"]).jobs.count >= 2, "what was sent goes on")
        try batch.open()
        let again = try batch.start(options).wait()
        #expect(again.status == 0 && batch.ran.sorted() == Array(1...20), "\(again.errorText)")
      }
    }
  }

  @Test func whatWasStoppedInTheQueueIsRunByWhoGoesOn() throws {
    try Daemon.with(["--client-running-jobs", "2"]) { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.noting(0, "exit 1")] + (1...30).map { batch.waiting($0) })
      let running = try batch.start(["--key", "rest"])
      // The next one has its turn before the others are taken out of the queue.
      try Poll.until("the failure") { running.errorText.contains("line 1 failed") }
      try Poll.until("an empty queue") {
        try daemon.client().list(["state": "queued"]).jobs.isEmpty
      }
      try batch.open()
      let first = try running.wait()
      #expect(first.status == 1 && batch.ran.count <= 4, "\(first.text)")
      #expect(first.errorText.contains("--key rest --keep-going"), "\(first.errorText)")
      let second = try batch.run("--key", "rest", "--keep-going")
      #expect(second.status == 1 && batch.ran.sorted() == Array(0...30), "\(second.errorText)")
      #expect(second.text.hasPrefix("31 commands: 30 succeeded, 1 failed, in"), "\(second.text)")
    }
  }

  @Test func anotherInputUnderTheSameKeyIsRefused() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.noting(1), batch.noting(2)])
      #expect(try batch.run("--key", "k").status == 0)
      try batch.write([batch.noting(1), batch.noting(3)])
      let changed = try batch.run("--key", "k")
      #expect(
        changed.status == 120
          && changed.errorText.contains("line 2: it, or an option for its job, is not what"))
      try batch.write([batch.noting(1), batch.noting(2)])
      #expect(!changed.errorText.contains("to go on"), "\(changed.errorText)")
      #expect(changed.errorText.contains("\(batch.commands): line 2: "))
      #expect(try batch.run("--key", "k", "--cwd", "/tmp").status == 120)
      try batch.write([batch.noting(1), batch.noting(2), batch.noting(4)])
      #expect(try batch.run("--key", "k").status == 0, "lines may be added at the end")
      #expect(batch.ran.sorted() == [1, 2, 4])
    }
  }

  @Test func whatWasSentWithAChangedLineIsTold() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write([batch.noting(1), batch.noting(2)])
      #expect(try batch.run("--key", "k").status == 0)
      try batch.write([batch.noting(1), batch.noting(3), batch.waiting(4)])
      let changed = try batch.run("--key", "k")
      #expect(changed.status == 120 && changed.errorText.contains("line 2: "), "\(changed.errorText)")
      #expect(
        changed.errorText.contains("has not ended runs on") && !changed.errorText.contains("to go on"))
      try batch.open()
      try Poll.until("line 3 to end") {
        try batch.ran.sorted() == [1, 2, 4] && daemon.client().list(["state": "running"]).jobs.isEmpty
      }
    }
  }

  @Test func resultsOfAnotherDivisionAreRefused() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let options = ["--results", daemon.scratch.fresh("results"), "--key", "kept"]
      try batch.write((1...9).map { batch.noting($0) })
      #expect(try batch.start(options + ["-j", "4"]).wait().status == 0)
      for other in [["-j", "3"], [], ["-j", "4", "--cwd", "/tmp"]] {
        let done = try batch.start(options + other).wait()
        #expect(
          done.status == 120 && done.errorText.contains("another -j, or other options"), "\(done.errorText)")
      }
      try batch.write((1...12).map { batch.noting($0) })
      #expect(try batch.start(options + ["-j", "4", "-k"]).wait().status == 0)
      #expect(batch.ran.sorted() == Array(1...12), "nothing ran twice")
    }
  }

  @Test func resultsAreKeptAndGoneOnWith() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let directory = daemon.scratch.fresh("results")
      try batch.write([
        batch.noting(1, "echo out; echo err >&2"), "", batch.noting(3, "exit 4"),
        #"{"cmd":"head","args":["-c","3000000","/dev/zero"]}"#, "/nonexistent/y",
      ])
      let options = ["--results", directory, "--key", "kept", "-k"]
      #expect(try batch.start(options).wait().status == 1)
      let path = "\(directory)/results.jsonl"
      let lines = Files.text(path).split(separator: "\n").sorted { line($0) < line($1) }
      #expect(lines.map(line) == [1, 3, 4, 5])
      for (line, words) in zip(
        lines, [#""exit_code":0"#, #""exit_code":4"#, #""succeeded":true"#, #""error_msg""#])
      {
        #expect(line.contains(words) && line.contains(#""batch":"kept""#) && line.contains("\"created\""))
      }
      #expect(
        Files.text("\(directory)/1.stdout") == "out\n" && Files.text("\(directory)/1.stderr") == "err\n")
      #expect(Files.read("\(directory)/4.stdout") == [UInt8](repeating: 0, count: 3_000_000))
      #expect(Files.exists("\(directory)/3.stderr"))

      // As a crash leaves it: the last record is cut off. Its job is found again, the others are not looked for.
      for job in try daemon.client().list().jobs where job.cmd != "head" {
        try daemon.client().delete(job.id)
      }
      let whole = Files.text(path).split(separator: "\n").filter { !$0.contains(#""line":4"#) }
      try Files.write(Array((whole.joined(separator: "\n") + "\n{\"line\":4,").utf8), to: path)
      let again = try batch.start(options).wait()
      #expect(again.status == 1 && batch.ran.sorted() == [1, 3], "\(again.errorText)")
      #expect(again.text.contains("2 succeeded, 2 failed, 3 of them by an earlier run"), "\(again.text)")
      #expect(Files.text(path).split(separator: "\n").map(line).sorted() == [1, 3, 4, 5])

      let other = try batch.run("--results", directory, "--key", "other")
      #expect(other.status == 120 && other.errorText.contains("the results of the batch \"kept\""))
      try batch.write([batch.noting(9)])
      let changed = try batch.start(options).wait()
      #expect(
        changed.status == 120 && changed.errorText.contains("line 1: it is not the command whose results"))
    }
  }

  private func line(_ record: some StringProtocol) -> Int {
    Int(record.split(separator: "\"line\":").last?.prefix { $0.isNumber } ?? "") ?? 0
  }

  @Test func oneAtATimeKeepsResults() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let directory = daemon.scratch.fresh("results")
      try batch.write([batch.waiting(1)])
      let running = try batch.start(["--results", directory])
      try Poll.until("it to run") { batch.ran == [1] }
      let second = try batch.run("--results", directory)
      #expect(second.status == 120 && second.errorText.contains("another jobctl"), "\(second.errorText)")
      try batch.open()
      #expect(try running.wait().status == 0)
    }
  }

  @Test func whatSomebodyRemovedIsNoSuccessWithRm() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["true", batch.waiting(2), batch.waiting(3), batch.waiting(4)])
      let options = ["-j", "2", "--rm", "-k", "--key", "gone"]
      let running = try batch.start(options)
      try Poll.until("two to run") { batch.ran.sorted() == [2, 3] }
      running.signal(SIGKILL)
      _ = try running.wait()
      for job in try daemon.client().list().jobs where job.cmd == "sh" { try daemon.client().delete(job.id) }
      try batch.open()
      let again = try batch.start(options).wait()
      #expect(again.status == 1, "\(again.text)")
      for line in [2, 3] {
        #expect(
          again.errorText.contains("line \(line) failed: ") && again.errorText.contains("its job is gone"))
      }
      #expect(Set(batch.ran).count == batch.ran.count, "nothing ran twice")
    }
  }

  @Test func resultsKnowWhatRmDeleted() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write((1...20).map { batch.noting($0) })
      let options = ["--rm", "--key", "kept", "--results", daemon.scratch.fresh("results")]
      for before in ["", ", 20 of them by an earlier run"] {
        let done = try batch.start(options).wait()
        #expect(
          done.status == 0 && done.text.hasPrefix("20 commands: 20 succeeded\(before), in"),
          "\(done.errorText)")
        #expect(try daemon.client().list().jobs.isEmpty)
      }
      #expect(batch.ran.sorted() == Array(1...20))
    }
  }

  @Test func fewConnectionsAreEnough() throws {
    try Daemon.with(["--client-connections", "3"]) { daemon in
      let batch = BatchFixture(daemon)
      let gates = try BatchGates(batch, count: 1)
      try batch.write((1...60).map { batch.noting($0, "\(gates.pass(0)); echo \($0)") })
      let directory = daemon.scratch.fresh("results")
      let running = try batch.start(["--rm", "-k", "--results", directory])
      try Poll.until("all to run") { batch.ran.count == 60 || running.hasEnded }
      gates.openAll()
      let done = try running.wait()
      #expect(done.status == 0 && done.errorText.isEmpty, "\(done.errorText)")
      for line in 1...60 { #expect(Files.text("\(directory)/\(line).stdout") == "\(line)\n") }
      #expect(try daemon.client().list().jobs.isEmpty)
    }
  }

  @Test func nothingIsWrittenThroughWhatIsThere() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      try batch.write(["echo 1", "echo 2", "echo 3"])
      let (directory, target) = (daemon.scratch.fresh("results"), daemon.scratch.fresh("target"))
      try Files.write(Array("mine".utf8), to: target)
      mkdir(directory, 0o777)
      symlink(target, "\(directory)/.1.stdout.part")
      symlink(target, "\(directory)/2.stdout")
      mkfifo("\(directory)/.3.stdout.part", 0o600)
      let done = try batch.run("--results", directory)
      #expect(done.status == 0 && Files.text(target) == "mine", "\(done.errorText)")
      for line in 1...3 { #expect(Files.text("\(directory)/\(line).stdout") == "\(line)\n") }

      let other = daemon.scratch.fresh("other")
      mkdir(other, 0o777)
      mkdir("\(other)/1.stdout", 0o777)
      let failed = try batch.run("--results", other, "-j", "1")
      #expect(
        failed.status == 125
          && failed.errorText.contains(
            "cannot rename \(other)/.1.stdout.part to \(other)/1.stdout: Is a directory"),
        "\(failed.errorText)")
      #expect(Files.list(other).sorted() == ["1.stdout", "results.jsonl"])
    }
  }

  @Test func theReasonIsShownAfterALongLine() throws {
    try Daemon.with { daemon in
      let batch = BatchFixture(daemon)
      let script = "head -c 200000 /dev/zero | tr '\\0' a; echo; echo; echo REASON; exit 1"
      try batch.write([#"sh -c "\#(script)""#])
      let done = try batch.run()
      #expect(
        done.status == 1 && done.errorText.contains("  stdout: REASON\n"), "\(done.errorText.suffix(99))")
    }
  }
}
