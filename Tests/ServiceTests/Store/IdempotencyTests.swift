import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

@Suite struct IdempotencyTests {
  private func key(_ key: String, _ digest: UInt8) -> ApiRequest.Idempotency {
    ApiRequest.Idempotency(key: key, digest: [digest])
  }

  @Test func holdsBetweenChangesOfOneTransaction() throws {
    let fixture = try StoreFixture()
    let outcomes = try fixture.applyTogether([
      .create(.sample(1), idempotency: key("a", 1)),
      .create(.sample(2), idempotency: key("a", 1)),
      .create(.sample(3), idempotency: key("a", 2)),
      .create(.sample(4, client: 2), idempotency: key("a", 2)),
      .create(.sample(5), idempotency: key("b", 2)),
    ])
    #expect(outcomes == [.saved, .existing(JobRecord.sample(1).id), .keyReused, .saved, .saved])
    #expect(fixture.store.totals(of: 1).events == 2)
  }

  @Test func holdsWhenTheFirstOfATransactionFails() throws {
    let fixture = try StoreFixture()
    try fixture.apply(.create(.sample(1)))
    let outcomes = try fixture.applyTogether([
      .create(.sample(1), idempotency: key("a", 1)), .create(.sample(2), idempotency: key("a", 1)),
      .create(.sample(3), idempotency: key("a", 1)),
    ])
    #expect(outcomes[1...] == [.saved, .existing(JobRecord.sample(2).id)])
  }

  /// By the digest of an earlier version, or of one that had no key then.
  @Test func holdsByADigestThatWasStoredEarlier() throws {
    let fixture = try StoreFixture()
    func same(_ digest: UInt8, _ earlier: [[UInt8]]) throws -> StoreOutcome {
      let key = ApiRequest.Idempotency(key: "a", digest: [digest], earlier: earlier)
      return try fixture.apply(.create(.sample(2), idempotency: key))
    }
    try fixture.apply(.create(.sample(1), idempotency: key("a", 1)))
    #expect(try same(9, [[8], [1]]) == .existing(JobRecord.sample(1).id))
    #expect(try same(9, []) == .keyReused)
  }

  @Test func holdsAfterARestart() throws {
    let scratch = try ScratchDirectory()
    do {
      let fixture = try StoreFixture(scratch.path)
      try fixture.apply(.create(.sample(1), idempotency: key("a", 1)))
      fixture.store.close()
    }
    let again = try StoreFixture(scratch.path)
    #expect(
      try again.apply(.create(.sample(2), idempotency: key("a", 1))) == .existing(JobRecord.sample(1).id))
    #expect(try again.apply(.create(.sample(2), idempotency: key("a", 3))) == .keyReused)
  }

  @Test func aYoungKeyOutlivesItsJob() throws {
    let fixture = try StoreFixture()
    var young = JobRecord.sample(1)
    young.created = Clock.microseconds()
    try fixture.apply(.create(young, idempotency: key("young", 1)))
    try fixture.apply(.delete(client: 1, id: young.id))
    _ = try fixture.expired(.everything)
    #expect(try fixture.apply(.create(.sample(3), idempotency: key("young", 1))) == .existing(young.id))
  }

  @Test func anOldKeyGoesWithItsJob() throws {
    let fixture = try StoreFixture()
    var old = JobRecord.sample(1)
    old.created = Clock.microseconds() - WriterStatements.keyAge - 1
    try fixture.apply(.create(old, idempotency: key("old", 1)))
    #expect(try fixture.apply(.create(.sample(2), idempotency: key("old", 1))) == .existing(old.id))
    try fixture.apply(.delete(client: 1, id: old.id))
    #expect(try fixture.apply(.create(.sample(2), idempotency: key("old", 1))) == .saved)
  }
}
