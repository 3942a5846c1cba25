import JobAPI
import Testing

@testable import jobctl

@Suite struct LiveUsageTests {
  private func job(_ number: UInt64, cpu: Int64?, memory: Int64 = 4096, _ command: String = "x") -> JobDetail
  {
    let id = JobID(microseconds: 1_700_000_000_000_000, random: number)
    var job = JobDetail(
      request: CreateRequest(cmd: command), state: StatusReply(status: .running),
      facts: JobFacts(id: id, created: "2023-11-14T22:13:20.000000Z"))
    job.facts.usage = cpu.map {
      ResourceUsage(userMicroseconds: $0, systemMicroseconds: 0, maxResidentKiB: nil, memoryBytes: memory)
    }
    return job
  }

  @Test func cpuIsOfTheTimeBetweenTwoLooks() {
    var usage = LiveUsage()
    let first = usage.look([job(1, cpu: 5_000_000), job(2, cpu: 0)], at: 1_000_000, .cpu)
    #expect(first.allSatisfy { $0.cpu == nil })
    let jobs = [job(1, cpu: 5_500_000), job(2, cpu: 3_000_000), job(3, cpu: 9), job(4, cpu: nil)]
    let second = usage.look(jobs, at: 3_000_000, .cpu)
    #expect(second.map(\.job.id) == [1, 0, 2, 3].map { jobs[$0].id })
    #expect(second.map(\.cpu) == [150, 25, nil, nil])
  }

  @Test func theLargestIsFirst() {
    var usage = LiveUsage()
    let jobs = [job(1, cpu: 1, memory: 10), job(2, cpu: 2, memory: 30), job(3, cpu: 3, memory: 20)]
    #expect(usage.look(jobs, at: 1, .memory).map(\.memory) == [30, 20, 10])
  }

  @Test func theTableIsLaidOut() {
    var usage = LiveUsage()
    _ = usage.look([job(1, cpu: 0)], at: 0, .cpu)
    let rows = usage.look([job(1, cpu: 500_000, "a b")], at: 1_000_000, .cpu)
    #expect(
      LiveUsage.screen(rows, width: nil, height: nil, "lost\u{7}") == """
        1 job runs, CPU 50.0 %, memory 4.0 KiB
        lost?
        ID            CPU %  CPU TIME  MEMORY   COMMAND
        000000000001  50.0   0.5s      4.0 KiB  'a b'

        """)
  }

  @Test(arguments: [1, 5, 20, 37, 44, 60, 120], [1, 2, 3, 5, 24])
  func itFitsTheTerminal(width: Int, height: Int) {
    var usage = LiveUsage()
    let rows = usage.look(
      (1...30).map { job($0, cpu: 1, String(repeating: "長", count: 60)) }, at: 1, .cpu)
    let lines = LiveUsage.screen(rows, width: width, height: height, "the connection is lost, and more")
      .split(separator: "\n", omittingEmptySubsequences: false)
    // The cursor is in the line after the last.
    #expect(lines.count <= max(height, 3), "\(lines)")
    for line in lines { #expect(DisplayWidth.of(String(line)) <= max(width, 1), "\(line)") }
  }
}
