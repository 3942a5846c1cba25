import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

@Suite struct RetentionTests {
  /// Ten finished jobs of 1000 bytes of output each, number 3 is running, for each of the clients.
  private func fixture(clients: ClosedRange<Int64> = 1...1) throws -> StoreFixture {
    let fixture = try StoreFixture()
    for client in clients {
      _ = try fixture.applyTogether((1...10).map { .create(.sample($0, client: client)) })
      _ = try fixture.applyTogether(
        [1, 2, 4, 5, 6, 7, 8, 9, 10].map {
          .finish(JobRecord.sample($0, client: client).finished(output: 1000), log: [], files: [])
        })
    }
    return fixture
  }

  private func indexes(_ expired: Expired) -> [Int] {
    expired.jobs.map { Int($0.id.milliseconds - 1_767_225_600_000) }
  }

  @Test func nothingGoesWithoutReason() throws {
    #expect(try fixture().expired(.everything) == Expired())
  }

  @Test func theOldestOfTooManyGoButNeverARunningOne() throws {
    let fixture = try fixture()
    var retention = Retention.everything
    retention.standard.jobs = 5
    #expect(indexes(try fixture.expired(retention)) == [1, 2, 4, 5])
    retention.standard.jobs = 0
    let all = try fixture.expired(retention)
    #expect(indexes(all) == [1, 2, 4, 5, 6, 7, 8, 9, 10])
    for job in all.jobs { try fixture.apply(.delete(client: job.client, id: job.id)) }
    #expect(try fixture.expired(retention) == Expired())
    #expect(fixture.store.totals(of: 1).finished == 0)
    #expect(fixture.store.totals(of: 1).bytes == Int64(JobPlan.sample.bytes.count))
  }

  @Test func oldOnesGoByTheTimeTheyFinished() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...10).map { .create(.sample($0)) })
    // All were created long ago; every second one ran until now.
    let now = Clock.microseconds()
    _ = try fixture.applyTogether(
      (1...9).map { .finish(JobRecord.sample($0).finished(at: $0 % 2 == 0 ? now : nil), log: [], files: []) })
    var retention = Retention.everything
    retention.age = 86_400_000_000
    #expect(indexes(try fixture.expired(retention)) == [1, 3, 5, 7, 9])
  }

  @Test func bytesOfAClientAreBounded() throws {
    let fixture = try fixture(clients: 1...2)
    var retention = Retention.everything
    retention.standard.bytes = fixture.store.totals(of: 1).bytes - 2001
    #expect(indexes(try fixture.expired(retention)).sorted() == [1, 1, 2, 2])
  }

  @Test func aClientHasItsOwnShareFromWhenItIsSet() throws {
    let fixture = try fixture(clients: 1...3)
    var (retention, settings) = (Retention.everything, ClientSettings())
    settings.retentionJobs = 7
    retention.set(settings, for: 2)
    (settings.retentionJobs, settings.retentionBytes) = (100, 0)
    retention.set(settings, for: 3)
    let expired = try fixture.expired(retention)
    #expect(Set(expired.jobs.map(\.client)) == [2, 3])
    #expect(expired.jobs.count { $0.client == 2 } == 2 && expired.jobs.count { $0.client == 3 } == 9)
    settings.retentionEvents = 3
    retention.set(settings, for: 1)
    _ = try fixture.expired(retention)
    #expect(fixture.store.totals(of: 1).events <= 3 && fixture.store.totals(of: 2).events > 3)
  }

  @Test func bytesOfAllAreBoundedAtTheLargestsCost() throws {
    let fixture = try fixture(clients: 1...2)
    try fixture.apply(.create(.sample(20, client: 2)))
    try fixture.apply(.finish(JobRecord.sample(20, client: 2).finished(output: 5000), log: [], files: []))
    var retention = Retention.everything
    retention.totalBytes = fixture.store.totals(of: 1).bytes + fixture.store.totals(of: 2).bytes - 1
    let expired = try fixture.expired(retention)
    #expect(indexes(expired) == [1])
    #expect(expired.jobs.first?.client == 2)
  }

  /// More jobs that cannot go than are looked at in one go, all older than one that can.
  @Test(arguments: [false, true]) func whatCannotGoKeepsNothingElse(isOver: Bool) throws {
    let fixture = try StoreFixture()
    for from in stride(from: 1, to: 6000, by: 500) {
      let indexes = from..<from + 500
      _ = try fixture.applyTogether(indexes.map { .create(.sample($0)) })
      guard isOver else { continue }
      _ = try fixture.applyTogether(indexes.map { .finish(.uncleaned($0), log: [], files: []) })
    }
    try fixture.apply(.create(.sample(7000)))
    try fixture.apply(.finish(JobRecord.sample(7000).finished(), log: [], files: []))
    var retention = Retention.everything
    retention.standard.jobs = 0
    let first = try fixture.expired(retention)
    #expect(first.jobs.isEmpty && first.more)
    #expect(indexes(try fixture.expired(retention)) == [7000])
  }

  @Test func aJobThatIsNotCleanedUpStaysAndTakesNoOthersPlace() throws {
    let fixture = try fixture()
    try fixture.apply(.finish(.uncleaned(3), log: [], files: []))
    try fixture.apply(.create(.sample(11)))
    try fixture.apply(.finish(.uncleaned(11), log: [], files: []))
    var (byNumber, byAge) = (Retention.everything, Retention.everything)
    byNumber.standard.jobs = 8
    byAge.age = 0
    #expect(indexes(try fixture.expired(byNumber)) == [1])
    let old = try fixture.expired(byAge)
    #expect(indexes(old) == [1, 2, 4, 5, 6, 7, 8, 9, 10] && !old.more)
    try fixture.apply(.cleaned(client: 1, id: JobRecord.sample(3).id, error: nil))
    #expect(indexes(try fixture.expired(byNumber)) == [1, 2])
    for job in try fixture.expired(byAge).jobs { try fixture.apply(.delete(client: 1, id: job.id)) }
    #expect(try fixture.expired(byAge) == Expired())
    try fixture.apply(.delete(client: 1, id: JobRecord.sample(11).id))
    let totals = fixture.store.totals(of: 1)
    #expect(totals.finished == 0 && totals.bytes == 0)
  }

  @Test func aClockThatIsSetForwardAgesNothing() {
    let now = Mutex((wall: Int64(1_000_000_000), steady: Int64(5)))
    let clock = AgeClock(
      Clock(now: { now.withLock(\.wall) }, monotonic: { now.withLock(\.steady) }, sleep: { _ in }))
    #expect(clock.now == 1_000_000_000)
    let week: Int64 = 7 * 86_400_000_000
    now.withLock { ($0.wall, $0.steady) = ($0.wall + week, $0.steady + 10_000_000) }
    #expect(clock.now <= 1_000_000_000 + 70_000_000)
    // A week that has passed counts, and one that is set back is believed.
    now.withLock { $0.steady += week }
    #expect(clock.now == 1_000_000_000 + week)
    now.withLock { $0.wall = 7 }
    #expect(clock.now == 7)
  }

  @Test func manyGoInParts() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...1200).map { .create(.sample($0)) })
    _ = try fixture.applyTogether(
      (1...1200).map { .finish(JobRecord.sample($0).finished(), log: [], files: []) })
    var retention = Retention.everything
    retention.standard.jobs = 0
    var gone = 0
    for part in [500, 500, 200] {
      let expired = try fixture.expired(retention)
      #expect(expired.jobs.count == part)
      #expect(expired.more == (part == 500))
      _ = try fixture.applyTogether(expired.jobs.map { .delete(client: $0.client, id: $0.id) })
      gone += part
    }
    #expect(fixture.store.totals(of: 1).finished == 0)
  }
}
