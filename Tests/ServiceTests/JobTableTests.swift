import JobAPI
import Testing

@testable import JobModel
@testable import JobService

struct JobTableTests {
  private func record(_ number: UInt64, client: Int64 = 1, _ state: JobState = .running) -> JobRecord {
    var record = JobRecord(id: JobID(microseconds: 1000, random: number), client: client, created: 1)
    record.state = state
    return record
  }

  private let observer = JobTable.Observer(worker: 0, exchange: 5)

  @Test func anotherClientsJobIsNotThere() {
    let table = JobTable(finished: 10)
    _ = table.update(record(1), pid: 1)
    #expect(table.entry(record(1).id, of: 1) != nil)
    #expect(table.entry(record(1).id, of: 2) == nil)
    #expect(table.observe(record(1).id, of: 2, observer) == nil)
    #expect(table.follow(record(1).id, of: 2, observer) { Issue.record("watched") } == nil)
  }

  @Test func observersAreWokenOnceAtTheEnd() {
    let table = JobTable(finished: 10)
    _ = table.update(record(1), pid: 0)
    _ = table.observe(record(1).id, of: 1, observer)
    #expect(table.update(record(1), pid: 7).isEmpty)
    #expect(table.update(record(1, .completed), pid: 0) == [observer])
    #expect(table.update(record(1, .completed), pid: 0).isEmpty)
  }

  @Test func aWorkerFindsAllThatWaitInIt() {
    let table = JobTable(finished: 10)
    let mine = (1...100).map { JobTable.Observer(worker: 1, exchange: $0) }
    for observer in mine + [self.observer] {
      let job = record(observer.exchange % 3)
      _ = table.update(job, pid: 1)
      _ = table.observe(job.id, of: 1, observer)
    }
    #expect(table.observers(of: 0) == [observer])
    let found = table.observers(of: 1)
    #expect(found.count == 100 && Set(found) == Set(mine))
    for observer in mine { table.forget(record(observer.exchange % 3).id, observer) }
    #expect(table.observers(of: 1).isEmpty)
    _ = table.update(record(observer.exchange % 3, .completed), pid: 0)
    #expect(table.observers(of: 0).isEmpty)
  }

  @Test func onlyTheNewestFinishedJobsAreKept() {
    let table = JobTable(finished: 3)
    for number in 1...10 {
      _ = table.update(record(UInt64(number)), pid: 1)
      _ = table.update(record(UInt64(number), .completed), pid: 0)
    }
    let kept = (1...10).filter { table.entry(record(UInt64($0)).id, of: 1) != nil }
    #expect(kept == [8, 9, 10])
  }

  @Test func theFirstFollowerWatchesAndTheLastUnwatches() {
    let table = JobTable(finished: 3)
    let other = JobTable.Observer(worker: 1, exchange: 5)
    let id = record(1).id
    var (watches, unwatches) = (0, 0)
    _ = table.update(record(1), pid: 1)
    _ = table.follow(id, of: 1, observer) { watches += 1 }
    _ = table.follow(id, of: 1, other) { watches += 1 }
    table.unfollow(id, observer) { unwatches += 1 }
    #expect((watches, unwatches) == (1, 0))
    table.unfollow(id, other) { unwatches += 1 }
    table.unfollow(id, other) { unwatches += 1 }
    #expect(unwatches == 1)
  }
}
