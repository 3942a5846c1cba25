import JobAPI
import Platform
import Testing

@testable import jobctl

struct JobEndTests {
  private func lines(_ cause: EndedBy, by client: String? = nil) -> [String] {
    let stopped = StoppedBy(client: client, time: "2026-01-31T12:00:00.000000Z")
    return JobEnd.lines(
      StatusReply(status: .completed, exitCode: 143, signal: 15, endedBy: cause, stoppedBy: stopped), ["cat"])
  }

  @Test func whoStoppedItIsTold() {
    #expect(lines(.stop, by: "alice") == ["jobctl: alice stopped the job"])
    #expect(lines(.stop) == ["jobctl: somebody stopped the job"])
    #expect(lines(.shutdown) == ["jobctl: the daemon was stopped, and the job with it"])
    #expect(lines(.exit) == [] && lines(.signal) == [])
  }

  @Test(
    arguments: [
      (StatusReply(status: .completed, exitCode: 7), "ended with 7"),
      (StatusReply(status: .error, errorMessage: "x"), "is in state error"),
    ])
  func whenItEndedIsTold(status: StatusReply, told: String) throws {
    let id = try #require(JobID("0197a3c2-5b1e-7d40-8c3f-9a2b4c6d8e0f"))
    var facts = JobFacts(id: id, created: "2026-01-31T12:00:00.000000Z")
    facts.finished = "2026-01-31T12:00:00.000000Z"
    let time = try #require(TimeText.microseconds("2026-01-31T12:03:10.000000Z"))
    let job = JobDetail(request: CreateRequest(cmd: "cat"), state: status, facts: facts)
    #expect(
      JobEnd.past(job, now: time)
        == "jobctl: job 9a2b4c6d8e0f \(told) (3m ago); all of its output: \"jobctl logs 9a2b4c6d8e0f\"")
  }

  @Test func aSmallerTerminalIsTold() {
    let job = TerminalSize(rows: 24, columns: 80)
    for (rows, columns) in [(24, 80), (50, 100)] as [(Int64, Int64)] {
      #expect(Onlooker.lack(job, TerminalSize(rows: rows, columns: columns)) == nil)
    }
    #expect(
      Onlooker.lack(job, TerminalSize(rows: 30, columns: 79))
        == "jobctl: the job's terminal began as 80x24, this one is 79x30")
  }
}
