import Glibc
import Harness
import JobAPI
import JobClient
import Testing

extension Daemon {
  /// jobctl on a terminal.
  func terminal(
    _ arguments: [String], at port: Int? = nil, environment: [String: String] = [:]
  ) throws -> TerminalSession {
    var own = jobctlEnvironment("alice")
    if let port { own["JOBCTL_SERVER"] = "localhost:\(port)" }
    return try TerminalSession(Programs.jobctl, arguments, environment: own.merging(environment) { $1 })
  }

  /// The only job there is, once there is one.
  func onlyJob() throws -> JobDetail {
    try Poll.until("a job") { try client().list().jobs.count == 1 }
    return try client().list().jobs[0]
  }
}

extension TerminalSession {
  static let (interrupt, end, suspend, leave) = ("\u{3}", "\u{4}", "\u{1a}", "\u{10}\u{11}")
}

/// `jobctl run -t` and `jobctl attach`, each on a terminal.
@Suite(.serialized) struct TerminalRunTests {
  @Test func aShellHasATerminal() throws {
    try Daemon.with { daemon in
      let session = try daemon.terminal(["run", "-it", "--env", "PS1=READY>", "sh"])
      try session.expect("READY>")
      #expect(!session.echoes, "keys are shown by the job's terminal")
      session.type("tty; stty size; echo $TERM; sleep 1000\r")
      try session.expect("24 80\r\n")
      try session.expect("dumb\r\n")
      #expect(session.text.contains("/dev/pts/"))
      session.type(TerminalSession.interrupt)
      try session.expect("READY>", times: 2)
      session.type("echo $?; exit 7\r")
      #expect(try session.wait() == 7)
      #expect(session.text.contains("130\r\n") && session.echoes, "\(session.text)")
      #expect(try daemon.onlyJob().status == .completed)
    }
  }

  @Test func theSizeFollows() throws {
    try Daemon.with { daemon in
      let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
      let session = try daemon.terminal(["run", "-t", "--rm", "sh", "-c", script])
      try session.expect("ready")
      session.resize(rows: 33, columns: 101)
      try session.expect("33 101\r\n")
      session.type(TerminalSession.interrupt)
      #expect(try session.wait() == 130)
      #expect(try daemon.client().list().jobs.isEmpty)
    }
  }

  @Test func keysLeaveAJobAndAnotherTerminalTakesItUp() throws {
    try Daemon.with { daemon in
      let first = try daemon.terminal(["run", "-t", "cat"])
      let id = try daemon.onlyJob().id
      first.type("one\r")
      try first.expect("one\r\none\r\n")
      let refused = try daemon.terminal(["attach", "\(id)"])
      #expect(try refused.wait() == 125)
      #expect(refused.text.contains("(\(first.pid)-"), "\(refused.text)")
      #expect(refused.text.contains("job \("\(id)".suffix(12)) goes on"), "\(refused.text)")
      let onlooker = try daemon.startJobctl(["attach", "-n", "\(id)"])
      try Poll.until("what was shown before") { onlooker.text.contains("one") }
      first.type("\u{10}")
      first.type("\u{11}")
      #expect(try first.wait() == 0)
      #expect(first.text.contains("jobctl attach \("\(id)".suffix(12))\"") && first.echoes)
      let second = try daemon.terminal(["attach", "\(id)"])
      try second.expect("one\r\none\r\n")
      second.type("two\r")
      try second.expect("two\r\ntwo\r\n")
      second.type(TerminalSession.end)
      #expect(try second.wait() == 0)
      #expect(try onlooker.wait().text == "one\r\none\r\ntwo\r\ntwo\r\n")
    }
  }

  /// Whoever wrote is not left in the dark, nor does it fight back.
  @Test func anotherTerminalTakesOver() throws {
    try Daemon.with { daemon in
      let first = try daemon.terminal(["run", "-t", "cat"])
      let id = try daemon.onlyJob().id
      first.type("one\r")
      try first.expect("one\r\none\r\n")
      let second = try daemon.terminal(["attach", "--take-over", "\(id)"])
      #expect(try first.wait() == 125)
      #expect(first.text.contains("(\(second.pid)-"), "\(first.text)")
      #expect(first.text.contains("\"jobctl attach --take-over \(id)\"") && first.echoes, "\(first.text)")
      second.type("two\r")
      try second.expect("two\r\ntwo\r\n")
      // Who took it over asks for it no more than that once.
      let third = try daemon.terminal(["attach", "--take-over", "\(id)"])
      #expect(try second.wait() == 125)
      #expect(second.text.contains("(\(third.pid)-") && second.echoes, "\(second.text)")
      third.type(TerminalSession.end)
      #expect(try third.wait() == 0)
      let both = try daemon.startJobctl(["attach", "-n", "--take-over", "\(id)"]).wait()
      #expect(both.status == 120 && both.errorText.contains("--take-over"), "\(both.errorText)")
    }
  }

  /// The keys that leave are the job's when they are something else.
  @Test func aSingleKeyReachesTheJob() throws {
    try Daemon.with { daemon in
      let session = try daemon.terminal([
        "run", "-t", "sh", "-c", "stty raw -echo; echo ready; head -c 2 | od -An -tx1",
      ])
      try session.expect("ready")
      session.type("\u{10}")
      session.type("q")
      #expect(try session.wait() == 0)
      #expect(session.text.contains("10 71"), "\(session.text)")
      let none = try daemon.terminal(
        ["run", "-t", "--detach-keys", "", "sh", "-c", "stty raw -echo; echo ready; head -c 2 | od -An -tx1"])
      try none.expect("ready")
      none.type(TerminalSession.leave)
      #expect(try none.wait() == 0)
      #expect(none.text.contains("10 11"), "\(none.text)")
    }
  }

  /// It has no terminal before it is launched, and has then the size that jobctl's has by that time.
  @Test func aJobThatWaitsForASlotIsWaitedFor() throws {
    try Daemon.with(["--client-running-jobs", "1"]) { daemon in
      let first = try daemon.client().shell("sleep 1000")
      let script = "echo begun; while read -r line; do stty size; done"
      let session = try daemon.terminal(["run", "-t", "sh", "-c", script])
      try session.expect("waits for a slot")
      #expect(!session.text.contains("\"\n"), "lines end as on a raw terminal")
      session.resize(rows: 50, columns: 90)
      session.type("early\r")
      try daemon.client().delete(first)
      try session.expect("begun")
      try Poll.until("the size") {
        session.type("x\r")
        return session.text.contains("50 90\r\n")
      }
      session.type(TerminalSession.end)
      #expect(try session.wait() == 0)
      #expect(session.text.contains("early"))
    }
  }

  /// The daemon may have begun the job by then.
  @Test(arguments: [SIGINT, SIGTERM]) func whoEndsItBeforeTheJobIsKnownIsToldWhichItIs(signal: Int32) throws {
    try Daemon.with { daemon in
      let api = daemon.apiPid
      kill(api, SIGSTOP)
      defer { kill(api, SIGCONT) }
      let session = try daemon.terminal(["run", "-t", "cat"])
      try Poll.until("signals to be held back") {
        (UInt64(Processes.status(session.pid, "SigBlk"), radix: 16) ?? 0) & 1 << (UInt64(signal) - 1) != 0
      }
      session.signal(signal)
      kill(api, SIGCONT)
      #expect(try session.wait() == 128 + signal)
      let job = try daemon.onlyJob()
      #expect(job.status == .running && session.echoes)
      #expect(session.text.contains("\"jobctl attach \("\(job.id)".suffix(12))\""), "\(session.text)")
    }
  }

  @Test func aCommandThatIsNotFoundIsTold() throws {
    try Daemon.with { daemon in
      let session = try daemon.terminal(["run", "-t", "no such"])
      #expect(try session.wait() == 127)
      #expect(session.text.contains("jobctl: ") && session.text.contains("no such") && session.echoes)
    }
  }

  @Test func aJobIsStartedForLater() throws {
    try Daemon.with { daemon in
      let id = try daemon.jobctl("start", "--tty", "cat").text.filter { $0 != "\n" }
      #expect(try daemon.client().detail(JobID(id)!).tty == TerminalSize(rows: 24, columns: 80))
      let detached = try daemon.terminal(["run", "-dt", "cat"])
      #expect(try detached.wait() == 0)
      let session = try daemon.terminal(["attach", id])
      try Poll.until("the job to have the keys") { !session.echoes }
      session.type("x\r\u{4}")
      #expect(try session.wait() == 0)
      let late = try daemon.jobctl("attach", id)
      #expect(late.status == 0 && late.text.hasPrefix("x\r\n"), "\(late)")
      let short = id.suffix(12)
      let told = "jobctl: job \(short) ended with 0 ("
      #expect(late.errorText.hasPrefix(told), "\(late)")
      #expect(late.errorText.hasSuffix(" ago); all of its output: \"jobctl logs \(short)\"\n"), "\(late)")
    }
  }

  @Test func whoStoppedTheJobIsTold() throws {
    try Daemon.with { daemon in
      let session = try daemon.terminal(["run", "-t", "cat"])
      let id = try daemon.onlyJob().id
      session.type("x\r")
      try session.expect("x\r\nx\r\n")
      #expect(try daemon.jobctl("stop", "\(id)").status == 0)
      #expect(try session.wait() == 143)
      #expect(session.text.hasSuffix("\r\njobctl: alice stopped the job\r\n"), "\(session.text)")
      let run = try daemon.startJobctl(["run", "sh", "-c", "echo ready; sleep 1000"])
      try Poll.until("the job") { run.text.contains("ready") }
      let other = try #require(try daemon.client().list(["state": "running"]).jobs.first).id
      #expect(try daemon.jobctl("stop", "\(other)").status == 0)
      let done = try run.wait()
      #expect(done.status == 143 && done.errorText == "jobctl: alice stopped the job\n", "\(done)")
    }
  }

  @Test func withoutATerminalItSaysWhatToDo() throws {
    try Daemon.with { daemon in
      let run = try daemon.jobctl("run", "-it", "sh")
      #expect(run.status == 120 && run.errorText.contains("must be a terminal"), "\(run.errorText)")
      let plain = try daemon.client().shell("sleep 1000")
      let attach = try daemon.jobctl("attach", "\(plain)")
      #expect(
        attach.status == 120 && attach.errorText.contains("jobctl logs -f \(plain)"), "\(attach.errorText)")
      for useless in [["run"], ["run", "-dt"]] {
        let refused = try daemon.startJobctl(useless + ["--detach-keys", "a", "\(plain)"]).wait()
        #expect(refused.status == 120 && refused.errorText.contains("--detach-keys"), "\(refused.errorText)")
      }
      for wrong in [["--merge"], ["--no-stdin"], ["-o", "json"], ["--detach-keys", "xy"], ["-in"]] {
        let session = try daemon.terminal(["run", "-t"] + wrong + ["true"])
        #expect(try session.wait() == 120, "\(wrong): \(session.text)")
      }
      #expect(try daemon.client().list().jobs.count == 1)
    }
  }
}
