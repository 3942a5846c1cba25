import FoundationEssentials
import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobService
@testable import JobStore

/// What runners may have left of jobs that are over, in the store.
@Suite struct CleanupTests {
  private let left = JobRecord.uncleaned(1)

  /// A job with something left, one without, and one that runs.
  private func fixture(_ path: String? = nil) throws -> StoreFixture {
    let fixture = try StoreFixture(path)
    _ = try fixture.applyTogether(
      (1...3).map { .create(.sample($0)) } + [
        .finish(left, log: [], files: []), .finish(JobRecord.sample(2).finished(), log: [], files: []),
      ])
    return fixture
  }

  private func row(_ fixture: StoreFixture) throws -> JobRecord? {
    try fixture.reader().job(client: 1, id: left.id)?.unstamped
  }

  @Test func aJobIsFoundUntilItIsCleanedUp() throws {
    let fixture = try fixture()
    let reader = try fixture.reader()
    let before = try reader.events(client: 1, after: 0, limit: 100).events
    let found = try fixture.store.uncleaned()
    #expect(found.map(\.record.unstamped) == [left] && found.map(\.plan) == [JobPlan.sample])
    for (client, index) in [(Int64(2), 1), (1, 2), (1, 3), (1, 4)] {
      let change = StoreChange.cleaned(client: client, id: JobRecord.sample(index).id, error: "none of it")
      #expect(try fixture.apply(change) == .notFound)
    }
    #expect(try row(fixture) == left)
    #expect(try fixture.apply(.cleaned(client: 1, id: left.id, error: nil)) == .saved)
    var cleaned = left
    cleaned.cleanup = .done
    #expect(try row(fixture) == cleaned)
    #expect(try fixture.store.uncleaned().isEmpty)
    #expect(try fixture.apply(.cleaned(client: 1, id: left.id, error: nil)) == .notFound)
    #expect(try reader.events(client: 1, after: 0, limit: 100).events == before)
    #expect(StoreChange.cleaned(client: 1, id: left.id, error: nil).isDurable)
  }

  @Test func theLastThingThatWentWrongIsKept() throws {
    for (before, error) in [(nil, nil), (nil, "b"), ("a", nil), ("a", "b")] as [(String?, String?)] {
      let fixture = try StoreFixture()
      var record = left
      record.runnerError = before
      try fixture.apply(.create(.sample(1)))
      try fixture.apply(.finish(record, log: [], files: []))
      try fixture.apply(.cleaned(client: 1, id: left.id, error: error))
      #expect(try row(fixture)?.runnerError == error ?? before)
    }
  }

  @Test func theNextDaemonFindsIt() throws {
    let scratch = try ScratchDirectory()
    try fixture(scratch.path).store.close()
    let again = try StoreFixture(scratch.path)
    #expect(try again.store.uncleaned().map(\.record.unstamped) == [left])
    #expect(try again.store.runningJobs().map(\.record.unstamped) == [.sample(3)])
    try again.apply(.cleaned(client: 1, id: left.id, error: nil))
    again.store.close()
    #expect(try StoreFixture(scratch.path).store.uncleaned().isEmpty)
  }

  @Test func aDeletedJobIsNotFound() throws {
    let fixture = try fixture()
    #expect(try fixture.apply(.delete(client: 1, id: left.id)) == .deleted(hasFiles: false))
    #expect(try fixture.store.uncleaned().isEmpty)
    #expect(try fixture.apply(.cleaned(client: 1, id: left.id, error: nil)) == .notFound)
    #expect(fixture.store.totals(of: 1).finished == 1)
  }

  @Test func itFollowsAnEndWithFiles() throws {
    let fixture = try StoreFixture()
    let name = left.outputName
    for directory in ["output", "output/\(name.prefix(2))"] { mkdir("\(fixture.path)/\(directory)", 0o700) }
    let file = open("\(fixture.path)/output/\(name).stdout", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    try fixture.apply(.create(.sample(1)))
    let finish = fixture.enqueue(.finish(left, log: [], files: [file]))
    let cleaned = fixture.enqueue(.cleaned(client: 1, id: left.id, error: nil))
    #expect(try fixture.outcome(of: finish) == .saved && fixture.outcome(of: cleaned) == .saved)
  }

  @Test func anUnknownStateOfItIsDamage() throws {
    let fixture = try fixture()
    try Database(Store.database(in: fixture.path), .readWrite).execute(
      "UPDATE jobs SET cleanup = 7 WHERE cleanup = 1")
    let error = #expect(throws: StoreError.self) { try row(fixture) }
    #expect(error?.kind == .damaged && error?.description.contains("unknown cleanup 7") == true)
  }
}

/// What a job's detail says of it.
@Suite struct CleanupDetailTests {
  private func facts(_ known: JobRecord, row: JobRecord) -> JobFacts {
    JobFacts(JobTable.Entry(record: known, pid: 0).completed(by: row).record)
  }

  @Test func itIsToldAsTheRowHasIt() throws {
    let left = JobRecord.uncleaned(1)
    var cleaned = left
    (cleaned.cleanup, cleaned.runnerError) = (.done, "scancel: no controller")
    #expect(facts(left, row: left).cleanup == .pending)
    #expect(facts(left, row: cleaned).cleanup == .done, "the table's is as of the job's end")
    #expect(facts(left, row: cleaned).runnerError == "scancel: no controller")
    #expect(facts(.sample(1), row: .sample(1)).cleanup == nil)
    let json = String(decoding: try JSONEncoder().encode(JobFacts(cleaned)), as: UTF8.self)
    #expect(json.contains(#""cleanup":"done""#) && json.contains(#""runner_error":"scancel: no controller""#))
    let none = String(decoding: try JSONEncoder().encode(JobFacts(.sample(1))), as: UTF8.self)
    #expect(!none.contains("cleanup") && !none.contains("runner_error"))
  }

  /// Either may have been read before the job ended.
  @Test func anEndThatOneOfThemDoesNotHaveYetIsToldWholeOrNotAtAll() {
    var left = JobRecord.uncleaned(1)
    left.runnerError = "scancel: no controller"
    let facts = facts(left, row: .sample(1))
    #expect(facts.cleanup == .pending && facts.runnerError == left.runnerError)
    #expect(self.facts(.sample(1), row: left).cleanup == nil)
  }

  @Test func aJobThatRunsSaysWhatWentWrongWithItsSignals() {
    var record = JobRecord.sample(1)
    (record.runnerError, record.exitCode, record.endedBy) = ("scancel: no controller", 3, .stop)
    let told = record.unfinished
    #expect(told.runnerError == record.runnerError && told.endedBy == nil)
    #expect(facts(told, row: .sample(1)).runnerError == record.runnerError)
  }
}
