import JobAPI
import Platform
import Testing

@testable import JobService

struct TerminalWritersTests {
  private final class Time: Sendable {
    private let value = Mutex<Int64>(1)
    var now: Int64 { value.withLock { $0 } }
    func pass(seconds: Int64) { value.withLock { $0 += seconds * 1_000_000 } }
  }

  private let time: Time
  private let writers: TerminalWriters
  private let id = JobID(microseconds: 1000, random: 1)
  private let replaced = Mutex<[UInt64]>([])

  init() {
    let time = Time()
    self.time = time
    writers = TerminalWriters(Clock(now: { 0 }, monotonic: { time.now }, sleep: { _ in }))
  }

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
      #expect(
        problem.status == 409 && problem.detail.contains("alice pts/3 has written"), "\(problem.detail)")
    }
    #expect(throws: Problem.self) { try writers.claim(id, writer("bob", 2)) }
    try writers.require(id, "alice pts/3")
    try writers.require(JobID(microseconds: 1000, random: 2), "bob")
    #expect(!writers.isTaken(id, from: observer(1)) && writers.isTaken(id, from: observer(2)))
  }

  @Test func theSameTakesOverFromItsEarlierReply() throws {
    try writers.claim(id, writer("alice", 1, since: 1_000_000))
    try writers.claim(id, writer("alice", 2, since: 9_000_000))
    #expect(replaced.withLock { $0 } == [1])
    #expect(writers.isTaken(id, from: observer(1)) && !writers.isTaken(id, from: observer(2)))
    writers.release(id, by: observer(1))
    let problem = try #require(throws: Problem.self) { try writers.require(id, "bob") }
    #expect(
      problem.detail
        == "alice has written to the job's terminal since 1970-01-01T00:00:01Z; look on with \"jobctl attach -n \(id)\", or take it over with \"jobctl attach --take-over \(id)\""
    )
    writers.release(id, by: observer(2))
    try writers.require(id, "bob")
  }

  @Test func anotherTakesOverWhereItSaysSo() throws {
    try writers.claim(id, writer("alice", 1, since: 1_000_000))
    try writers.claim(id, writer("bob", 2, since: 9_000_000), takesOver: true)
    #expect(replaced.withLock { $0 } == [1] && writers.name(id) == "bob")
    #expect(writers.isTaken(id, from: observer(1)) && !writers.isTaken(id, from: observer(2)))
    // What its end gives back is not its own any more, and its way back is closed.
    writers.lose(id, by: observer(1))
    writers.leave(id, "alice")
    let problem = try #require(throws: Problem.self) { try writers.claim(id, writer("alice", 3)) }
    #expect(problem.detail.hasPrefix("bob has written to the job's terminal since 1970-01-01T00:00:09Z;"))
    writers.release(id, by: observer(2))
    #expect(writers.name(id) == nil)
    try writers.claim(id, writer("alice", 4), takesOver: true)
    #expect(writers.name(id) == "alice" && replaced.withLock { $0 } == [1])
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

  /// Whoever bridges a lost connection finds its place, and others wait no longer than that.
  @Test func aLostReplyKeepsItsPlaceForAWhile() throws {
    try writers.claim(id, writer("alice", 1))
    writers.lose(id, by: observer(1))
    time.pass(seconds: 9)
    for name in [nil, "bob"] as [String?] {
      #expect(throws: Problem.self) { try writers.require(id, name) }
    }
    #expect(throws: Problem.self) { try writers.claim(id, writer("bob", 2)) }
    try writers.claim(id, writer("alice", 3))
    time.pass(seconds: 100)
    #expect(throws: Problem.self) { try writers.require(id, "bob") }
    writers.lose(id, by: observer(1))
    time.pass(seconds: 100)
    #expect(throws: Problem.self) { try writers.require(id, "bob") }
    writers.lose(id, by: observer(3))
    time.pass(seconds: 10)
    try writers.claim(id, writer("bob", 4))
    #expect(throws: Problem.self) { try writers.claim(id, writer("alice", 5)) }
  }

  @Test func whoLeavesIsNotWaitedFor() throws {
    try writers.claim(id, writer("alice", 1))
    writers.leave(id, "bob")
    #expect(throws: Problem.self) { try writers.require(id, "bob") }
    writers.leave(id, "alice")
    try writers.require(id, "bob")
    #expect(!writers.isTaken(id, from: observer(1)))
    try writers.claim(id, writer("bob", 2))
    #expect(writers.isTaken(id, from: observer(1)))
    writers.lose(id, by: observer(1))
    #expect(throws: Problem.self) { try writers.require(id, "alice") }
  }
}
