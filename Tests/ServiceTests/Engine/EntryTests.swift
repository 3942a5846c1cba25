import CJobEngine
import CPlatform
import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import JobSupervisor

/// What is left with somebody else for a successor, where no test of the whole daemon comes.
struct EntryTests {
  /// Reading it leaves it there: the one after the next supervisor finds it too. A process that is no child of the
  /// keeper's, who may have been asked for, has no status.
  @Test(arguments: EngineTests.Kind.all)
  func anEntryIsReadAgainAndAgain(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    var entry: Int32?
    let first = try harness.run(EngineHarness.shell("echo before; sleep 0.2; echo after; exit 42")) {
      job, output in
      guard output == "before\n" else { return false }
      entry = try? job.makeEntry()
      return entry != nil
    }
    let held = try #require(entry)
    defer { close(held) }
    #expect(first.result.exit_code == 42 && first.result.user_us + first.result.system_us > 0)
    for _ in 0..<2 {
      let end = try harness.finish(harness.adopt(held, name: "0"))
      // Since Linux 6.15 the pidfd tells it.
      #expect(end.result.error == ECHILD || end.result.exit_code == 42)
      #expect(end.stdout == "before\nafter\n" && end.result.bytes.0 == 13)
    }
  }

  @Test func outputOfAHeldJobStopsAtItsLimit() throws {
    let harness = try EngineHarness(EngineTests.Kind.all[0])
    var launch = EngineHarness.shell("echo 1; sleep 0.2; seq 1 100000; echo end >&2")
    launch.request.outputLimit = 10_000
    var entry: Int32?
    let end = try harness.run(launch) { job, output in
      guard output == "1\n" else { return false }
      entry = try? job.makeEntry()
      return entry != nil
    }
    close(try #require(entry))
    #expect(end.stdoutSize == 10_000 && end.result.bytes == (10_000, 4))
    #expect(end.result.bytes.0 + end.result.dropped.0 == 588_895 + 2)
    #expect(end.told == [10_000, 4])
  }

  @Test func theCheckpointTellsOfTheInput() throws {
    var launch = EngineHarness.launch(["sh", "-c", "echo ready; cat"])
    launch.request.stdinOpen = true
    var states: [jc_job_state] = []
    let end = try EngineHarness(EngineTests.Kind.all[0]).run(launch) { job, output in
      guard output == "ready\n", let entry = try? job.makeEntry() else { return false }
      defer { close(entry) }
      func note() {
        var state = jc_job_state()
        guard jc_entry_read(entry, &state) == 0 else { return }
        states.append(state)
        jc_job_state_close(&state)
      }
      note()
      _ = Array("abc".utf8).withUnsafeBytes { job.writeInput($0) }
      note()
      job.closeInput()
      note()
      return true
    }
    #expect(end.stdout == "ready\nabc")
    #expect(states.map(\.input_taken) == [0, 3, 3] && states.map(\.input_pending) == [0, 0, 0])
    #expect(states.map(\.stdin_closed) == [false, false, true])
  }

  /// What it opened itself it closes; the rest is the caller's.
  @Test(arguments: [false, true]) func anAdoptionThatFailsLeavesNothingOpen(hasTerminal: Bool) throws {
    let harness = try EngineHarness(EngineTests.Kind.all[0])
    var launch = EngineHarness.shell("echo before; sleep 1000")
    if hasTerminal { launch.request.tty = TerminalSize(rows: 24, columns: 80) }
    let job = try harness.start(launch)
    try harness.run { job.told[0] > 0 }
    let entry = try #require(try job.running!.makeEntry())
    defer { close(entry) }
    var state = try harness.failToAdopt(entry, name: job.name)
    #expect(state.file.0 == -1 && state.file.1 == -1 && state.terminal_pipe == -1 && state.pidfd >= 0)
    jc_job_state_close(&state)
    job.running!.stop(grace: 0)
    #expect(try harness.finish(job).result.signal == SIGKILL)
  }

  @Test func nothingElseIsAnEntry() throws {
    var state = jc_job_state()
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(null) }
    #expect(jc_entry_read(null, &state) == -EINVAL)
    var ends: [Int32] = [-1, -1]
    try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    #expect(jc_entry_read(ends[1], &state) == -EINVAL)
    try #require(send(ends[0], "twelve bytes", 12, 0) == 12)
    #expect(jc_entry_read(ends[1], &state) == -EINVAL)
  }
}
