import JobAPI
import Testing

@testable import jobctl

@Suite struct JobTableTests {
  private func job(_ command: String, _ status: JobState, _ code: Int32? = nil) -> JobDetail {
    let id = JobID(microseconds: 1_700_000_000_000_000, random: 0x1234_5678_9abc_def0)
    return JobDetail(
      request: CreateRequest(cmd: command, args: ["a b"]), state: StatusReply(status: status, exitCode: code),
      facts: JobFacts(id: id, created: "2023-11-14T22:13:20.000000Z"))
  }

  private let clock = TestClock(1_700_000_090_000_000).clock

  @Test func columnsAreAsWideAsWhatIsInThem() {
    let table = JobTable.short([job("true", .completed, 137), job("sleep", .running)], clock)
    #expect(
      table.text(width: nil, colour: false) == """
        ID            STATE      CODE  AGE  COMMAND
        56789abcdef0  completed  137   90s  true 'a b'
        56789abcdef0  running    -     90s  sleep 'a b'

        """)
  }

  @Test(arguments: [5, 20, 36, 37, 40, 48, 60, 80])
  func linesFitTheScreen(width: Int) {
    let table = JobTable.short([job(String(repeating: "長", count: 50), .running)], clock)
    for line in table.text(width: width, colour: false).split(separator: "\n") {
      #expect(DisplayWidth.of(String(line)) <= width, "\(line)")
    }
  }

  @Test func theStateIsColouredAndNothingElse() {
    let table = JobTable.short([job("x", .error), job("y", .completed, 0)], clock)
    let lines = table.text(width: nil, colour: true).split(separator: "\n")
    #expect(lines[1].contains("\u{1b}[31merror    \u{1b}[0m") && !lines[0].contains("\u{1b}"))
    #expect(!lines[2].contains("\u{1b}"))
  }

  @Test func aJobThatItsTimeLimitEndedIsMarked() {
    var late = job("x", .completed, 0)
    late.state.timedOut = true
    for table in [JobTable.short([late], clock), JobTable.wide([late])] {
      #expect(table.text(width: nil, colour: false).contains("  timed out  0 "))
      #expect(table.text(width: nil, colour: true).contains("\u{1b}[33mtimed out\u{1b}[0m"))
    }
  }

  @Test func theWideTableNamesAll() {
    var finished = job("x", .completed, 0)
    (finished.request.labels, finished.facts.finished) = (
      ["b": "2", "a": "1 1"], "2023-11-14T22:13:21.500000Z"
    )
    (finished.facts.stdoutBytes, finished.facts.stderrBytes) = (2048, 1)
    finished.request.runner = "sandbox"
    let text = JobTable.wide([finished, job("y", .running)]).text(width: nil, colour: false)
    for part in [
      "\(finished.id)", "2023-11-14T22:13:21Z", "2.0 KiB", "1 B", "  RUNNER   LABELS",
      "  sandbox  'a=1 1',b=2",
    ] {
      #expect(text.contains(part), "\(text)")
    }
  }
}
