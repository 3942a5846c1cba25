import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

/// Jobs that wait for a slot, in the store.
@Suite struct WaitingStoreTests {
  private func request(_ priority: Int64 = 0, queue: String? = nil, slots: Int64? = nil) -> JobPlan {
    var request = CreateRequest(cmd: "true")
    (request.priority, request.queue, request.queueSlots) = (priority, queue, slots)
    return JobPlan(request)
  }

  private func waiting(_ index: Int, client: Int64 = 1) -> JobRecord {
    var record = JobRecord.sample(index, client: client)
    record.isQueued = true
    return record
  }

  private func create(_ record: JobRecord, _ plan: JobPlan) -> StoreChange {
    create(record, ApiRequest.Creation(plan))
  }

  private func create(_ record: JobRecord, _ creation: ApiRequest.Creation) -> StoreChange {
    .create(record, clientName: "client \(record.client)", creation)
  }

  private func rows(_ table: String, _ fixture: StoreFixture) throws -> Int64? {
    try Database(Store.database(in: fixture.path), .readOnly).integer("SELECT count(*) FROM \(table)")
  }

  @Test(arguments: [nil, [], [1, 2, 3]] as [[UInt8]?], [nil, [4, 5]] as [[UInt8]?])
  func aJobThatWaitsIsKeptWithAllItHasUntilItIsTakenOut(input: [UInt8]?, secrets: [UInt8]?) throws {
    let fixture = try StoreFixture()
    let record = waiting(1)
    let plan = request(3, queue: "q", slots: 2)
    let creation = ApiRequest.Creation(plan, input: input, secrets: secrets)
    #expect(try fixture.apply(create(record, creation)) == .saved)
    #expect(try fixture.store.runningJobs().isEmpty, "nobody looks for its process")
    let key = QueueKey(client: 1, name: "q")
    #expect(try fixture.store.queues() == [StoredQueue(key: key, slots: 2, waiting: 1)])
    let bytes = fixture.store.totals(of: 1).bytes
    let again = try fixture.reader()
    // The store says when it was stored.
    let stored = try #require(try again.job(client: 1, id: record.id))
    #expect(stored.isQueued && stored.state == .running && stored.created == record.created)
    #expect(
      try again.list(client: 1, JobFilter(isQueued: true), before: nil, limit: 9).jobs.map(\.record) == [
        stored
      ])
    #expect(try again.list(client: 1, JobFilter(states: [.running]), before: nil, limit: 9).jobs.count == 1)
    var launchedOnly = JobFilter(states: [.running])
    launchedOnly.mayBeQueued = false
    #expect(try again.list(client: 1, launchedOnly, before: nil, limit: 9).jobs.isEmpty)
    var launched = stored
    launched.isQueued = false
    #expect(try fixture.apply(.dequeue(client: 2, id: record.id)) == .notFound)
    #expect(try fixture.apply(.dequeue(client: 1, id: record.id)) == .dequeued(launched, creation))
    #expect(try fixture.apply(.dequeue(client: 1, id: record.id)) == .notFound, "launched at most once")
    #expect(try fixture.store.runningJobs().map(\.record) == [launched] && fixture.store.queues().isEmpty)
    #expect(fixture.store.totals(of: 1).bytes == bytes - Int64(creation.extraBytes))
    for table in ["inputs", "secrets"] { #expect(try rows(table, fixture) == 0) }
    #expect(try fixture.apply(.requeue(launched, creation, slots: 5)) == .saved)
    #expect(
      try fixture.store.queues() == [StoredQueue(key: key, slots: 5, waiting: 1)]
        && fixture.store.totals(of: 1).bytes == bytes)
    #expect(try fixture.apply(.delete(client: 1, id: record.id)) == .deleted(hasFiles: false, queue: "q"))
    #expect(try fixture.store.queues().isEmpty && fixture.store.totals(of: 1).bytes == 0)
    for table in ["inputs", "secrets"] { #expect(try rows(table, fixture) == 0) }
    #expect(try fixture.apply(.requeue(launched, creation, slots: 5)) == .notFound)
  }

  @Test func placesAreByPriorityThenByAge() throws {
    let fixture = try StoreFixture()
    var places: [QueuePlace] = []
    for index in 1...200 {
      let priority = Int64(index * 7 % 5 - 2)
      let record = waiting(index)
      try fixture.apply(create(record, request(priority, queue: index % 10 == 0 ? "named" : nil)))
      if index % 10 != 0 { places.append(QueuePlace(priority: Int(priority), id: record.id)) }
    }
    try fixture.apply(create(waiting(1, client: 2), request(100)))
    places.sort()
    let key = QueueKey(client: 1, name: "")
    #expect(try fixture.places(key, most: 64) == Array(places.prefix(64)))
    #expect(try fixture.places(key, most: 500) == places)
    let reader = try fixture.reader()
    for (index, place) in places.enumerated() {
      let named = (1...20).count {
        QueuePlace(priority: $0 * 70 % 5 - 2, id: JobRecord.sample($0 * 10).id) < place
      }
      #expect(try reader.ahead(client: 1, of: place, most: 1000) == index + named)
    }
    #expect(try reader.ahead(client: 1, of: places[150], most: 100) == 100)
    #expect(try fixture.store.queues().reduce(0) { $0 + $1.waiting } == 201)
  }
}
