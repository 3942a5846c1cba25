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

  @Test func anotherClientsJobIsNotThere() throws {
    let table = JobTable(finished: 10)
    _ = table.update(record(1), pid: 1)
    #expect(table.entry(record(1).id, of: 1) != nil)
    #expect(table.entry(record(1).id, of: 2) == nil)
    #expect(try table.observe(record(1).id, of: 2, observer) { nil } == nil)
    #expect(
      try table.follow(record(1).id, of: 2, observer) {
        nil
      } watch: {
        Issue.record("watched")
      } == nil)
  }

  @Test func observersAreWokenOnceAtTheEnd() throws {
    let table = JobTable(finished: 10)
    _ = table.update(record(1), pid: 0)
    _ = try table.observe(record(1).id, of: 1, observer) { nil }
    #expect(table.update(record(1), pid: 7).isEmpty)
    #expect(table.update(record(1, .completed), pid: 0) == [observer])
    #expect(table.update(record(1, .completed), pid: 0).isEmpty)
  }

  @Test func aWorkerFindsAllThatWaitInIt() throws {
    let table = JobTable(finished: 10)
    let mine = (1...100).map { JobTable.Observer(worker: 1, exchange: $0) }
    for observer in mine + [self.observer] {
      let job = record(observer.exchange % 3)
      _ = table.update(job, pid: 1)
      _ = try table.observe(job.id, of: 1, observer) { nil }
    }
    #expect(table.observers(of: 0) == [observer])
    let found = table.observers(of: 1)
    #expect(found.count == 100 && Set(found) == Set(mine))
    for observer in mine { table.forget(record(observer.exchange % 3).id, observer) }
    #expect(table.observers(of: 1).isEmpty)
    _ = table.update(record(observer.exchange % 3, .completed), pid: 0)
    #expect(table.observers(of: 0).isEmpty)
  }

  @Test func aStatusIsThatOfTheJobAsItIsNow() throws {
    let table = JobTable(finished: 10)
    func status(of client: Int64 = 1) -> String? {
      table.status(record(1).id, of: client).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(status() == nil)
    _ = table.update(record(1), pid: 7)
    #expect(status() == #"{"status":"running"}"# && status() == status() && status(of: 2) == nil)
    _ = table.update(record(1, .completed), pid: 0)
    #expect(status() == #"{"status":"completed","exit_code":0}"#)
    var waiting = record(2)
    waiting.isQueued = true
    _ = try table.observe(waiting.id, of: 1, observer) {
      #expect(table.status(waiting.id, of: 1) == nil)
      return waiting
    }
    #expect(
      table.status(waiting.id, of: 1).map { String(decoding: $0, as: UTF8.self) }
        == #"{"status":"running","queued":true}"#)
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

  @Test func theFirstFollowerWatchesAndTheLastUnwatches() throws {
    let table = JobTable(finished: 3)
    let other = JobTable.Observer(worker: 1, exchange: 5)
    let id = record(1).id
    var (watches, unwatches) = (0, 0)
    _ = table.update(record(1), pid: 1)
    _ = try table.follow(id, of: 1, observer) {
      nil
    } watch: {
      watches += 1
    }
    _ = try table.follow(id, of: 1, other) {
      nil
    } watch: {
      watches += 1
    }
    table.unfollow(id, observer) { unwatches += 1 }
    #expect((watches, unwatches) == (1, 0))
    table.unfollow(id, other) { unwatches += 1 }
    table.unfollow(id, other) { unwatches += 1 }
    #expect(unwatches == 1)
  }

  private func waiting(_ number: UInt64) -> JobRecord {
    var record = record(number)
    record.isQueued = true
    return record
  }

  /// Jobs that wait are as many as there is room for on disk: here they are only while somebody looks.
  @Test func aJobThatWaitsIsHereWhileItIsObserved() throws {
    let table = JobTable(finished: 3)
    let job = waiting(1)
    #expect(table.update(job, pid: 0).isEmpty && table.entry(job.id, of: 1) == nil)
    #expect(try table.observe(job.id, of: 1, observer) { job }?.record == job)
    #expect(table.entry(job.id, of: 1)?.record.isQueued == true)
    #expect(table.entry(job.id, of: 2) == nil)
    #expect(table.update(record(1), pid: 0) == [observer], "it waits no more")
    #expect(table.update(record(1, .completed), pid: 0) == [observer])
    #expect(try table.observe(waiting(2).id, of: 1, observer) { self.waiting(2) } != nil)
    table.forget(waiting(2).id, observer)
    #expect(table.entry(waiting(2).id, of: 1) == nil)
  }

  @Test func aFollowedJobIsWatchedOnceItWaitsNoMore() throws {
    let table = JobTable(finished: 3)
    let job = waiting(1)
    var watches = 0
    _ = try table.follow(job.id, of: 1, observer) {
      job
    } watch: {
      watches += 1
    }
    #expect(watches == 0)
    #expect(table.update(record(1), pid: 0) { watches += 1 } == [observer])
    #expect(watches == 1 && table.update(record(1), pid: 9) { watches += 1 }.isEmpty && watches == 1)
  }

  /// What is told while the store is read is newer than what was read.
  @Test func whatHappensDuringTheLookIsSeen() throws {
    let table = JobTable(finished: 3)
    let job = waiting(1)
    let ended = try table.observe(job.id, of: 1, observer) {
      #expect(table.entry(job.id, of: 1) == nil, "it is not known yet")
      #expect(table.update(self.record(1, .completed), pid: 0) == [self.observer])
      return job
    }
    #expect(ended?.record.state == .completed)
    let other = waiting(2)
    #expect(try table.observe(other.id, of: 1, observer) { nil } == nil)
    #expect(try table.observe(other.id, of: 1, observer) { self.record(2, .error) }?.record.state == .error)
    #expect(throws: StoreUnread.self) {
      try table.observe(other.id, of: 1, observer) { throw StoreUnread() }
    }
    #expect(table.observers(of: 0).isEmpty, "nobody waits for what is not there")
  }

  /// The store has it launched before the supervisor has told so.
  @Test func whatIsLaunchedDuringTheLookIsWatchedOnceItIsTold() throws {
    let table = JobTable(finished: 3)
    var watches = 0
    _ = try table.follow(record(1).id, of: 1, observer) {
      self.record(1)
    } watch: {
      watches += 1
    }
    #expect(table.update(record(1), pid: 0) { watches += 1 } == [observer] && watches == 1)
  }

  private struct StoreUnread: Error {}
}

extension JobTable {
  fileprivate func update(_ record: JobRecord, pid: Int32) -> Set<Observer> {
    update(record, pid: pid) { Issue.record("watched") }
  }
}
