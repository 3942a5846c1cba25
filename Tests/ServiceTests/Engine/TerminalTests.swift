import CJobEngine
import Glibc
import Harness
import JobAPI
import Testing

@testable import JobEngine

/// Jobs whose three descriptors are a terminal.
struct TerminalTests {
  private static func terminal(_ script: String) -> EngineHarness.Launch {
    var launch = EngineHarness.shell(script)
    launch.request.tty = TerminalSize(rows: 40, columns: 120)
    return launch
  }

  /// What a terminal makes of a script's lines.
  private static func shown(_ lines: String...) -> String { lines.map { $0 + "\r\n" }.joined() }

  @Test(arguments: EngineTests.Kind.all)
  func itsDescriptorsAreItsControllingTerminal(kind: EngineTests.Kind) throws {
    let end = try EngineHarness(kind).run(
      Self.terminal(
        """
        test -t 0 && test -t 1 && test -t 2 && echo terminals; stty size; ls -m /proc/$$/fd
        test "/dev/$(ps -o tty= -p $$)" = "$(tty)" && echo controlling; echo named >/dev/tty; exit 5
        """))
    #expect(end.stdout == Self.shown("terminals", "40 120", "0, 1, 2", "controlling", "named"))
    #expect(end.result.exit_code == 5 && !end.result.forced_eof)
  }

  @Test func aShellHasJobControl() throws {
    var launch = EngineHarness.launch(["bash", "--norc", "-i", "-c", "sleep 1000 & kill %1; echo $-"])
    launch.request.tty = TerminalSize(rows: 24, columns: 80)
    let end = try EngineHarness(EngineTests.Kind.all[1]).run(launch)
    #expect(!end.stdout.contains("no job control") && end.stdout.contains("m"), "\(end.stdout)")
  }

  /// It heeds no TERM, and would take all of its grace.
  @Test(arguments: EngineTests.Kind.all)
  func anInteractiveShellEndsWhenItIsStopped(kind: EngineTests.Kind) throws {
    var launch = EngineHarness.launch(["bash", "--norc", "-i"])
    launch.request.tty = TerminalSize(rows: 24, columns: 80)
    launch.request.env = ["PS1": "READY>"]
    let harness = try EngineHarness(kind)
    let job = try harness.start(launch)
    try harness.run { harness.output(of: job).contains("READY>") }
    // What comes between its prompt and its look for keys waits for a key.
    try Processes.waitUntilIdle(job.running!.pid)
    job.running!.stop(grace: 60_000)
    let end = try harness.finish(job)
    #expect(end.result.exit_code == 128 + SIGHUP && !end.result.killed, "\(end.result)")
    // Before it heeds no TERM that ends it.
    launch.request.timeout = DurationText("500ms")
    launch.request.grace = DurationText("60s")
    let late = try EngineHarness(kind).run(launch)
    #expect(late.result.timed_out && !late.result.killed, "\(late.result)")
  }

  private static let hangup = "trap 'echo hangup; exit 3' HUP; trap 'echo term' TERM; echo ready; "

  @Test(arguments: EngineTests.Kind.all)
  func whoIgnoresTermInATerminalIsHungUp(kind: EngineTests.Kind) throws {
    let script =
      "trap '' TERM; " + Self.hangup.replacing("trap 'echo term' TERM; ", with: "")
      + "while :; do sleep 0.01; done"
    let stopped = try EngineHarness(kind).run(Self.terminal(script)) { job, output in
      guard output.contains("ready") else { return false }
      job.stop(grace: 60_000)
      return true
    }
    #expect(stopped.result.exit_code == 3 && stopped.stdout.contains("hangup\r\n"), "\(stopped.stdout)")
  }

  /// It has the grace to itself.
  @Test(arguments: EngineTests.Kind.all)
  func whoHeedsTermInATerminalIsNotHungUp(kind: EngineTests.Kind) throws {
    try expectNoHangup(kind, Self.terminal)
  }

  @Test(arguments: EngineTests.Kind.all)
  func aJobWithoutATerminalIsNotHungUp(kind: EngineTests.Kind) throws {
    try expectNoHangup(kind, EngineHarness.shell)
  }

  private func expectNoHangup(_ kind: EngineTests.Kind, _ launch: (String) -> EngineHarness.Launch) throws {
    let script = "trap 'exit 4' USR1; " + Self.hangup + "while :; do sleep 0.01; done"
    var stopped = false
    let end = try EngineHarness(kind).run(launch(script)) { job, output in
      if output.contains("term") { return job.signal(SIGUSR1, tree: false) == 0 }
      if !stopped, output.contains("ready") {
        job.stop(grace: 60_000)
        stopped = true
      }
      return false
    }
    #expect(end.result.exit_code == 4 && !end.stdout.contains("hangup"), "\(end.stdout)")
  }

  @Test(arguments: EngineTests.Kind.all)
  func whatIsWrittenBeforeTheEndIsKept(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let text = String(repeating: "0123456789", count: 300)
    for _ in 0..<10 {
      for end in try harness.runAll(Array(repeating: Self.terminal("printf \(text)"), count: 25)) {
        #expect(end.stdout == text && end.told == [3000, 0])
      }
    }
    let end = try harness.run(Self.terminal("seq 1 200000"))
    #expect(end.stdout == (1...200_000).map { "\($0)\r\n" }.joined())
  }

  @Test func outputIsCutAtItsLimit() throws {
    let harness = try EngineHarness(EngineTests.Kind.all[1])
    var launch = Self.terminal("seq 1 100000")
    launch.request.outputLimit = 1000
    let cut = try harness.run(launch)
    #expect(cut.result.bytes == (1000, 0) && cut.result.dropped == (687_895, 0))
    launch = Self.terminal("yes")
    (launch.request.outputLimit, launch.request.onLimit) = (100_000, .kill)
    let killed = try harness.run(launch)
    #expect(killed.result.limit_killed && killed.stdoutSize == 100_000)
  }

  /// Its output is held in memory, which takes no more of it.
  private func startUntilFull(_ script: String) throws -> (EngineHarness, TestJob) {
    let harness = try EngineHarness(EngineTests.Kind.all[1])
    var launch = Self.terminal(script)
    launch.holdsOutput = true
    let job = try harness.start(launch)
    try harness.run { job.isFull }
    return (harness, job)
  }

  /// Held in memory, with more than that takes: the terminal waits as a pipe does.
  @Test func heldOutputGoesOnInItsFile() throws {
    let (harness, job) = try startUntilFull("seq 1 100000")
    _ = job.running!.keepOutput()
    let end = try harness.finish(job)
    #expect(end.stdout == (1...100_000).map { "\($0)\r\n" }.joined() && !end.result.forced_eof)
  }

  /// What is in the pipe and in the terminal is not cut off while it waits for its files.
  @Test func heldOutputOfAJobThatEndedGoesOnInItsFile() throws {
    let (harness, job) = try startUntilFull("seq 1 13000")
    // It ends, since pipe and terminal take the rest.
    let end = Poll.now() + 0.3
    while Poll.now() < end { try harness.step() }
    #expect(job.result == nil)
    _ = job.running!.keepOutput()
    let kept = try harness.finish(job)
    #expect(kept.stdout == (1...13_000).map { "\($0)\r\n" }.joined() && !kept.result.forced_eof)
  }

  /// What it holds would be lost with it: it is hung up once that has a place.
  @Test func aHangupWaitsForHeldOutput() throws {
    let (harness, job) = try startUntilFull("trap '' HUP; seq 1 200000; exit 3")
    // Pipe and terminal are full when there is output however often it is moved.
    var looks = 0
    try Poll.until("a full terminal") {
      try harness.step()
      var look = pollfd(fd: job.running!.input, events: Int16(POLLIN), revents: 0)
      looks = poll(&look, 1, 0) > 0 ? looks + 1 : 0
      return looks > 20
    }
    job.running!.closeInput()
    #expect(job.running!.input >= 0 && job.told[0] == 65_536)
    _ = job.running!.keepOutput()
    #expect(job.running!.input == -1)
    let end = try harness.finish(job)
    let all = (1...200_000).map { "\($0)\r\n" }.joined()
    #expect(all.hasPrefix(end.stdout) && end.stdoutSize > 65_536 + 4096 && !end.result.forced_eof)
  }

  /// A successor that finds it hung up drops what the terminal holds.
  @Test func aHangupIsNotedAfterItsOutput() throws {
    let harness = try EngineHarness(EngineTests.Kind.all[1])
    let job = try harness.start(Self.terminal("trap '' HUP; echo ready; read line; sleep 1000"))
    try harness.run { job.told[0] == 7 }
    let entry = try #require(try job.running!.makeEntry())
    defer { close(entry) }
    var states: [Bool] = []
    func note() {
      var state = jc_job_state()
      guard jc_entry_read(entry, &state) == 0 else { return }
      states.append(state.stdin_closed)
      jc_job_state_close(&state)
    }
    // Its echo is what the terminal holds.
    #expect(
      [0x61].withUnsafeBytes { job.running!.writeInput(UnsafeRawBufferPointer(rebasing: $0[..<1])) } == 1)
    try Poll.until("the echo") {
      var look = pollfd(fd: job.running!.input, events: Int16(POLLIN), revents: 0)
      return poll(&look, 1, 0) > 0
    }
    job.onOutput = note
    job.running!.closeInput()
    job.onOutput = {}
    note()
    #expect(states == [false, true] && job.told[0] == 8)
    job.running!.stop(grace: 0)
    #expect(try harness.finish(job).result.signal == SIGKILL)
  }

  @Test(arguments: EngineTests.Kind.all)
  func inputIsTypedAndEchoed(kind: EngineTests.Kind) throws {
    let end = try EngineHarness(kind).run(
      Self.terminal("echo ready; read line; echo got $line; read line; exit 6")
    ) {
      job, output in
      guard output.hasSuffix("ready\r\n") else { return false }
      #expect(Array("hello\n".utf8).withUnsafeBytes { job.writeInput($0) } == 6)
      // An end of file, which is one by the job's terminal alone.
      #expect([4].withUnsafeBytes { job.writeInput(UnsafeRawBufferPointer(rebasing: $0[..<1])) } == 1)
      return true
    }
    #expect(end.stdout == Self.shown("ready", "hello", "got hello") && end.result.exit_code == 6)
  }

  /// More than a terminal takes at once: the rest waits for room.
  @Test func muchInputArrivesWhole() throws {
    let line = String(repeating: "x", count: 99) + "\n"
    let input = Array(String(repeating: line, count: 5000).utf8)
    let harness = try EngineHarness(EngineTests.Kind.all[1])
    let job = try harness.start(
      Self.terminal("stty -echo; echo ready; head -n 5000 | sha256sum; exit 3"))
    try harness.run { job.told[0] > 0 }
    job.feed(input)
    let end = try harness.finish(job)
    #expect(end.result.exit_code == 3)
    let expected = try EngineHarness(EngineTests.Kind.all[1]).run(
      EngineHarness.launch(["sh", "-c", "yes \(line.dropLast()) | head -n 5000 | sha256sum"]))
    #expect(end.stdout == "ready\r\n" + expected.stdout.dropLast() + "\r\n")
  }

  @Test(arguments: EngineTests.Kind.all)
  func itsSizeIsChanged(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let end = try harness.run(
      Self.terminal("trap 'stty size; exit 8' WINCH; stty size; while :; do sleep 0.05; done")
    ) { job, output in
      output == "40 120\r\n" && job.resize(rows: 33, columns: 77) == 0
    }
    #expect(end.stdout == Self.shown("40 120", "33 77") && end.result.exit_code == 8)
    let other = try harness.run(EngineHarness.shell("echo ready; read x; sleep 0.1")) { job, output in
      output == "ready\n" && job.resize(rows: 33, columns: 77) == -ENOTTY
    }
    #expect(other.stdout == "ready\n")
  }

  @Test(arguments: EngineTests.Kind.all)
  func closingItsInputHangsItUp(kind: EngineTests.Kind) throws {
    let end = try EngineHarness(kind).run(
      Self.terminal("trap 'exit 7' HUP; printf all; while :; do sleep 0.05; done")
    ) { job, output in
      guard output == "all" else { return false }
      job.closeInput()
      #expect(job.resize(rows: 1, columns: 1) == -ENOTTY && job.input == -1)
      return true
    }
    #expect(end.result.exit_code == 7 && end.stdout == "all" && !end.result.forced_eof)
  }

  /// Whoever closed all of its descriptors may open it again.
  @Test(arguments: EngineTests.Kind.all)
  func whatIsOpenedAgainIsRead(kind: EngineTests.Kind) throws {
    let end = try EngineHarness(kind).run(
      Self.terminal(
        """
        t=$(tty); echo first; exec </dev/null >/dev/null 2>&1; sleep 0.1; echo second >$t; sleep 0.1
        exec >$t; echo third
        """))
    #expect(end.stdout == Self.shown("first", "second", "third"))
  }

  /// Input that comes while nobody has it open is there when somebody has.
  @Test(arguments: EngineTests.Kind.all)
  func whatIsTypedMeanwhileWaits(kind: EngineTests.Kind) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (closed, go) = (scratch.fresh("closed"), Go(scratch))
    let harness = try EngineHarness(kind)
    let job = try harness.start(
      Self.terminal(
        """
        stty -echo; t=$(tty); exec </dev/null >/dev/null 2>&1; : >\(closed); \(go.wait)
        exec <$t >$t; echo again; read line; echo got $line
        """))
    try Poll.until("its terminal to be closed") {
      try harness.step()
      return Files.exists(closed)
    }
    job.feed(Array("typed\n".utf8))
    try go()
    #expect(try harness.finish(job).stdout == Self.shown("again", "got typed"))
  }

  /// As login(1) does: all who have it open are cut off, what was not read is dropped, and it is opened anew.
  @Test(.enabled(if: geteuid() == 0), arguments: EngineTests.Kind.all)
  func aHangupFromWithinIsNoEnd(kind: EngineTests.Kind) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let go = Go(scratch)
    let end = try EngineHarness(kind).run(
      Self.terminal(
        """
        trap '' HUP; t=$(tty); echo first; \(go.wait)
        python3 -c 'import ctypes; ctypes.CDLL(None).vhangup()'; exec <$t >$t 2>&1; echo second; exit 3
        """)
    ) { _, output in
      guard output == "first\r\n" else { return false }
      return (try? go()) != nil
    }
    #expect(end.stdout == Self.shown("first", "second") && end.result.exit_code == 3)
  }

  @Test(arguments: EngineTests.Kind.all)
  func aProgramThatIsNotThereFailsAsEver(kind: EngineTests.Kind) throws {
    var launch = EngineHarness.launch(["/nonexistent"])
    launch.request.tty = TerminalSize(rows: 24, columns: 80)
    let end = try EngineHarness(kind).run(launch)
    #expect(end.result.error == ENOENT && end.errorSubject == "/nonexistent" && !end.started)
  }

  /// A second engine takes it over, whose write end of the pipe is its own.
  @Test(arguments: EngineTests.Kind.all)
  func itsCheckpointTellsOfIt(kind: EngineTests.Kind) throws {
    var states: [jc_job_state] = []
    let end = try EngineHarness(kind).run(Self.terminal("echo ready; read line; echo $line")) { job, output in
      guard output == "ready\r\n", let entry = try? job.makeEntry() else { return false }
      defer { close(entry) }
      _ = Array("abc\n".utf8).withUnsafeBytes { job.writeInput($0) }
      var state = jc_job_state()
      guard jc_entry_read(entry, &state) == 0 else { return false }
      states.append(state)
      jc_job_state_close(&state)
      return true
    }
    #expect(end.stdout == Self.shown("ready", "abc", "abc"))
    #expect(states.map(\.is_terminal) == [true] && states.map(\.input_taken) == [4])
  }
}
