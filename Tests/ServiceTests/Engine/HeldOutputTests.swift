import CJobEngine
import Glibc
import Harness
import JobAPI
import Testing

@testable import JobEngine
@testable import JobModel
@testable import JobStore

/// Output that stays in memory until there is a record of the job.
@Suite(.serialized) struct HeldOutputTests {
  private static func held(_ script: String, limit: Int64? = nil) -> EngineHarness.Launch {
    var launch = EngineHarness.shell(script)
    launch.holdsOutput = true
    launch.request.outputLimit = limit
    return launch
  }

  @Test(arguments: EngineTests.Kind.all) func ofAJobThatEndsSoonThereIsNoFile(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let job = try harness.start(Self.held("echo out; echo error >&2; exit 3"))
    try harness.run { job.result != nil }
    #expect(job.running!.heldOutput(.stdout) == Array("out\n".utf8))
    #expect(job.running!.heldOutput(.stderr) == Array("error\n".utf8))
    #expect(job.result?.exit_code == 3 && job.result?.bytes.0 == 4 && job.told == [4, 6])
    #expect(job.running!.outputDescriptor(.stdout) == -1)
    let end = harness.end(of: job)
    #expect(end.output.isEmpty)
  }

  /// As in a file: what is past the limit is dropped, and the job does not wait.
  @Test func theLimitHolds() throws {
    let harness = try EngineHarness(EngineTests.Kind(launchers: 2, usesCgroup: false))
    let job = try harness.start(Self.held("head -c 300000 /dev/zero", limit: 1000))
    try harness.run { job.result != nil }
    #expect(job.running!.heldOutput(.stdout).count == 1000 && job.result?.dropped.0 == 299_000)
  }

  /// It waits with more than memory takes, and goes on when it has files: no byte is lost or doubled.
  @Test(arguments: EngineTests.Kind.all) func withMoreItWaits(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let size = 500_000
    let job = try harness.start(Self.held("seq 100000 | head -c \(size); echo end >&2"))
    try harness.run { job.isFull }
    #expect(job.result == nil && job.running!.heldOutput(.stdout).count == 65_536)
    #expect(try job.running!.makeEntry() == nil, "it cannot be adopted")
    #expect(job.running!.keepOutput().bytes == (65_536, 0))
    #expect(job.running!.heldOutput(.stdout).isEmpty)
    try harness.run { job.result != nil }
    #expect(job.told == [UInt64(size), 4])
    let end = harness.end(of: job)
    let numbers = (1...100_000).reduce(into: "") { $0 += "\($1)\n" }
    #expect(end.output == Array(numbers.utf8.prefix(size)))
  }

  /// What does not fit waits in the pipe also when the job has ended meanwhile.
  @Test func whatIsInThePipeIsKept() throws {
    let harness = try EngineHarness(EngineTests.Kind(launchers: 2, usesCgroup: false))
    let job = try harness.start(Self.held("head -c 100000 /dev/zero"))
    try harness.run { job.isFull }
    // It ends, since a pipe takes the rest.
    let end = Poll.now() + 0.3
    while Poll.now() < end { try harness.step() }
    #expect(job.result == nil, "its output is not whole")
    _ = job.running!.keepOutput()
    try harness.run { job.result != nil }
    #expect(job.result?.bytes.0 == 100_000 && job.result?.forced_eof == false)
    #expect(harness.end(of: job).stdoutSize == 100_000)
  }

  @Test func anIndexIsCutToWhatWasKept() {
    var index = OutputIndex()
    for number in 0..<4 {
      _ = index.append(number % 2 == 0 ? .stdout : .stderr, length: 10, time: Int64(number) * 10_000)
    }
    index.cut(to: [15, 0])
    #expect(OutputIndex.lengths(of: index.pieces) == [15, 0] && index.count == 2)
  }
}
