import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

@Suite struct EventTests {
  @Test func tellsEachStepOnceInOrder() throws {
    let fixture = try StoreFixture()
    let reader = try StoreReader(path: fixture.path)
    let record = JobRecord.sample(1)
    try fixture.apply(.create(record))
    var started = record
    started.started = record.created + 10
    let start = fixture.enqueue(.started(started))
    try fixture.apply(.create(.sample(2, client: 2)))
    try fixture.apply(.finish(record.finished(exitCode: 3), log: [], files: []))
    try fixture.apply(.delete(client: 1, id: record.id))
    #expect(try fixture.outcome(of: start) == .saved)
    let page = try reader.events(client: 1, after: 0, limit: 100)
    #expect(page.events.map(\.kind) == [.created, .started, .finished, .deleted])
    #expect(page.events.map(\.number) == [1, 2, 3, 4], "others' events leave no gap")
    #expect(page.events.map(\.state) == [.running, .running, .completed, .completed])
    #expect(page.events[2].exitCode == 3 && page.events[2].at == record.created + 20)
    #expect(page.events.allSatisfy { $0.id == record.id } && !page.hasGap)
    #expect(try reader.lastEvent(client: 1) == 4)
    #expect(try reader.lastEvent(client: 2) == 1)
    #expect(try reader.lastEvent(client: 3) == 0)
  }

  @Test func aStartThatWasNotStoredIsToldWithTheEnd() throws {
    let fixture = try StoreFixture()
    let record = JobRecord.sample(1)
    try fixture.apply(.create(record))
    try fixture.apply(.finish(record.finished(), log: [], files: [], isStartStored: false))
    let events = try StoreReader(path: fixture.path).events(client: 1, after: 0, limit: 10).events
    #expect(events.map(\.kind) == [.created, .started, .finished])
    #expect(events[1].at == record.created + 10)
  }

  @Test func anEndSaysWhatEndedTheJob() throws {
    let fixture = try StoreFixture()
    var record = JobRecord.sample(1)
    try fixture.apply(.create(record))
    record = record.finished()
    (record.endedBy, record.stopper, record.stopAsked) = (.stop, "alice", record.created + 5)
    try fixture.apply(.finish(record, log: [], files: [], isStartStored: false))
    try fixture.apply(.delete(client: 1, id: record.id))
    let events = try StoreReader(path: fixture.path).events(client: 1, after: 0, limit: 10).events
    #expect(events.map(\.endedBy) == [nil, nil, .stop, nil])
    #expect(
      events[2].stoppedBy == StoppedBy(client: "alice", time: TimeText.text(record.created + 5)))
    #expect(events.map(\.kind) == [.created, .started, .finished, .deleted])
  }

  /// As they lie in databases of version 2 of the tables and before.
  @Test func eventsOfEarlierVersionsAreStillRead() throws {
    let record = JobRecord.sample(1).finished(exitCode: 3)
    var writer = ByteWriter()
    for (number, kind) in [(Int64(1), UInt8(0)), (2, 2)] {
      writer.put(
        number, kind, record.id, record.finished, JobState.completed.code, Int32(3), Int32(0), UInt16(0),
        String?.none)
    }
    let old = writer.bytes
    var new = StoredEvent(number: 3, kind: .finished, record: record, at: record.finished)
    #expect(try old.withUnsafeBytes { try StoredEvent.all(in: $0) }.map(\.kind) == [.created, .finished])
    writer.put(new)
    #expect(
      Array(writer.bytes[..<old.count]) == old && writer.bytes.count == old.count * 3 / 2,
      "one that has nothing to add is written as ever")
    new.endedBy = .exit
    writer.put(new)
    let all = try writer.bytes.withUnsafeBytes { try StoredEvent.all(in: $0) }
    #expect(all.map(\.endedBy) == [nil, nil, nil, .exit] && all.map(\.number) == [1, 2, 3, 3])
  }

  @Test func resumesAnywhere() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...40).map { .create(.sample($0, client: Int64($0 % 2 + 1))) })
    let reader = try StoreReader(path: fixture.path)
    for after in 0...40 {
      let events = try reader.events(client: 1, after: Int64(after), limit: 1000).events
      #expect(events.map { Int($0.number) } == (1...20).filter { $0 > after })
    }
    // Small pages put together are the whole.
    var numbers: [Int64] = []
    while let last = Optional(numbers.last ?? 0),
      case let page = try reader.events(client: 2, after: last, limit: 1), !page.events.isEmpty
    { numbers += page.events.map(\.number) }
    #expect(numbers == Array(1...20))
  }

  @Test func tellsTheLastOfEachClient() throws {
    let fixture = try StoreFixture()
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.lastEvents().isEmpty)
    _ = try fixture.applyTogether((1...30).map { .create(.sample($0, client: Int64($0 % 3 == 0 ? 3 : 2))) })
    #expect(try reader.lastEvents()[2] == 20 && reader.lastEvents()[3] == 10)
    var retention = Retention.everything
    retention.standard.events = 0
    _ = try fixture.expired(retention)
    #expect(
      try reader.lastEvents()[2] == 20 && reader.lastEvents()[3] == 10, "not even when they are dropped")
  }

  @Test func numbersGoOnAfterARestart() throws {
    let scratch = try ScratchDirectory()
    for round in 0..<3 {
      let fixture = try StoreFixture(scratch.path)
      try fixture.apply(.create(.sample(round)))
      #expect(try StoreReader(path: fixture.path).lastEvent(client: 1) == Int64(round + 1))
      // Not even when all of them are dropped is a number given twice.
      var retention = Retention.everything
      retention.standard.events = 0
      _ = try fixture.expired(retention)
      fixture.store.close()
    }
  }

  @Test func tellsWhenSomeWereDropped() throws {
    let fixture = try StoreFixture()
    for index in 1...10 { try fixture.apply(.create(.sample(index))) }
    var retention = Retention.everything
    retention.standard.events = 4
    _ = try fixture.expired(retention)
    #expect(fixture.store.totals(of: 1).events == 4)
    let reader = try StoreReader(path: fixture.path)
    let fromStart = try reader.events(client: 1, after: 0, limit: 100)
    #expect(fromStart.events.map(\.number) == [7, 8, 9, 10] && fromStart.hasGap)
    #expect(try reader.events(client: 1, after: 5, limit: 100).hasGap)
    let known = try reader.events(client: 1, after: 6, limit: 100)
    #expect(known.events.map(\.number) == [7, 8, 9, 10] && !known.hasGap)
  }

  @Test func oldOnesGo() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...5000).map { .create(.sample($0)) })
    var retention = Retention.everything
    retention.eventAge = 3_600_000_000
    _ = try fixture.expired(retention)
    #expect(fixture.store.totals(of: 1).events == 5000, "by when they were told")
    retention.eventAge = -1
    _ = try fixture.expired(retention)
    #expect(fixture.store.totals(of: 1).events == 0)
    #expect(try StoreReader(path: fixture.path).lastEvent(client: 1) == 5000)
  }
}
