import JobAPI
import Platform
import Testing

@testable import JobService

struct TerminalWritersTests {
  private let writers = TerminalWriters()
  private let id = JobID(microseconds: 1000, random: 1)
  private let replaced = Mutex<[UInt64]>([])

  private func observer(_ exchange: UInt64) -> JobTable.Observer {
    JobTable.Observer(worker: 0, exchange: exchange)
  }

  private func writer(_ name: String, _ exchange: UInt64, since: Int64 = 5) -> TerminalWriters.Writer {
    TerminalWriters.Writer(name: name, since: since, holder: observer(exchange)) {
      self.replaced.withLock { $0.append(exchange) }
    }
  }

  @Test func whoeverWritesIsNamedToOthers() throws {
    try writers.require(id, nil)
    try writers.require(id, "bob")
    try writers.claim(id, writer("alice pts/3", 1))
    for name in [nil, "bob", "alice pts/31", "ALICE pts/3"] as [String?] {
      let problem = try #require(throws: Problem.self) { try writers.require(id, name) }
      #expect(problem.status == 409 && problem.detail.contains("alice pts/3 writes"), "\(problem.detail)")
    }
    #expect(throws: Problem.self) { try writers.claim(id, writer("bob", 2)) }
    try writers.require(id, "alice pts/3")
    try writers.require(JobID(microseconds: 1000, random: 2), "bob")
    #expect(writers.isHeld(id, by: observer(1)) && !writers.isHeld(id, by: observer(2)))
  }

  @Test func theSameTakesOverFromItsEarlierReply() throws {
    try writers.claim(id, writer("alice", 1, since: 1_000_000))
    try writers.claim(id, writer("alice", 2, since: 9_000_000))
    #expect(replaced.withLock { $0 } == [1])
    #expect(!writers.isHeld(id, by: observer(1)) && writers.isHeld(id, by: observer(2)))
    writers.release(id, by: observer(1))
    let problem = try #require(throws: Problem.self) { try writers.require(id, "bob") }
    #expect(problem.detail.contains(TimeText.text(1_000_000)), "since it began: \(problem.detail)")
    writers.release(id, by: observer(2))
    try writers.require(id, "bob")
  }

  @Test func aWorkerFindsItsOwn() throws {
    let other = JobID(microseconds: 1000, random: 2)
    try writers.claim(id, writer("alice", 1))
    try writers.claim(
      other,
      TerminalWriters.Writer(
        name: "bob", since: 1, holder: JobTable.Observer(worker: 1, exchange: 7), replaced: {}))
    #expect(writers.holders(of: 0) == [observer(1)])
    #expect(writers.holders(of: 1).map(\.exchange) == [7] && writers.holders(of: 2).isEmpty)
  }
}
