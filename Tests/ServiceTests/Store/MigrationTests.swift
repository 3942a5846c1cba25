import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

@Suite struct MigrationTests {
  /// A copy of a database that jobd 0.1.0 left: two jobs of alice's and a deleted one, one of bob's.
  private func versionOne() throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    let stored = "\(#filePath)".dropLast("MigrationTests.swift".count) + "version-1.db"
    _ = try run(["cp", String(stored), Store.database(in: scratch.path)], in: scratch)
    return scratch
  }

  @Test func opensAFileOfTheFirstVersion() throws {
    let scratch = try versionOne()
    let fixture = try StoreFixture(scratch.path)
    let reader = try StoreReader(path: scratch.path)
    let id = try #require(JobID("01a2110f-95ce-769f-ac80-09b1dbfb330d"))
    #expect(fixture.store.clients().map(\.name).sorted() == ["alice", "bob"])
    #expect(fixture.store.clientNumber(for: "carol") == 3)
    #expect(fixture.store.totals(of: 1) == ClientTotals(finished: 2, bytes: 209, events: 9))
    let record = try #require(try reader.job(client: 1, id: id))
    #expect(record.state == .completed && record.exitCode == 3 && record.peakMemory == 20460)
    #expect(record.endedBy == nil && record.stoppedBy == nil && record.stored == 0 && record.saved == 0)
    #expect(record.stdout.kept == 4 && record.stderr.kept == 4)
    let request = try #require(try reader.whole(client: 1, id: id)).plan.visibleRequest
    #expect(request.args == ["-c", "echo out; echo err >&2; exit 3"])
    #expect(request.timeout == DurationText(milliseconds: 60_000))
    let states = try reader.list(client: 1, JobFilter(), before: nil, limit: 10).jobs.map(\.record.state)
    #expect(states == [.error, .completed])
    let bobs = try reader.list(client: 2, JobFilter(), before: nil, limit: 10).jobs.map(\.record.signal)
    #expect(bobs == [9])
    let events = try reader.events(client: 1, after: 0, limit: 100).events.map(\.kind)
    #expect(
      events == [.created, .started, .finished, .created, .finished, .created, .started, .finished, .deleted])
  }

  @Test func goesOnWithAFileOfTheFirstVersion() throws {
    let scratch = try versionOne()
    let fixture = try StoreFixture(scratch.path)
    #expect(try fixture.apply(.create(.sample(1))) == .saved)
    let reader = try StoreReader(path: fixture.path)
    let numbers = try reader.events(client: 1, after: 0, limit: 100).events.map(\.number)
    #expect(numbers.last == numbers.dropLast().max()! + 1, "each client's numbers go on where they were")
    let id = try #require(JobID("01a2110f-95ce-769f-ac80-09b1dbfb330d"))
    let key = ApiRequest.Idempotency(key: "first", digest: [1], earlier: [[2]])
    #expect(try fixture.apply(.create(.sample(2), idempotency: key)) == .keyReused)
    #expect(try fixture.apply(.delete(client: 1, id: id)) == .deleted(hasFiles: true))
  }

  /// What jobs that an earlier version left running come to is stored as of any other.
  @Test(arguments: [2, 3, 4, 5]) func endsAreStoredInAFileOfAnEarlierVersion(version: Int) throws {
    let scratch = try ScratchDirectory()
    var record = JobRecord.sample(1)
    do {
      let database = try Database(Store.database(in: scratch.path), .create)
      try Schema.migrate(database, steps: Array(Schema.steps.prefix(version)))
      try database.execute("INSERT INTO clients(id, name) VALUES(1, 'alice')")
      let insert = try database.prepare(
        """
        INSERT INTO jobs(client, id, state, created, started, finished, exit_code, signal, stdout_kept,
          stdout_dropped, stderr_kept, stderr_dropped, flags, user_time, system_time, peak_memory, bytes, log, plan)
        VALUES(1, ?1, 0, ?2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, x'', ?3)
        """)
      try insert.run(record.id, record.created, JobPlan.sample.bytes)
    }
    let fixture = try StoreFixture(scratch.path)
    #expect(try fixture.store.runningJobs().map(\.record) == [record])
    #expect(try fixture.store.uncleaned().isEmpty)
    record = record.finished()
    (record.endedBy, record.cleanup, record.runnerError) = (.lost, .pending, "scancel: no controller")
    try fixture.apply(.finish(record, log: [], files: []))
    let row = try StoreReader(path: scratch.path).job(client: 1, id: record.id)
    #expect(row?.unstamped == record && row?.stored == 0 && row?.saved ?? 0 > 0)
    #expect(try fixture.store.uncleaned().map(\.record) == [row])
  }

  @Test func appliesTheStepsThatAreMissing() throws {
    let scratch = try ScratchDirectory()
    let database = try Database("\(scratch.path)/test.db", .create)
    try Schema.migrate(database)
    try database.execute("INSERT INTO clients(id, name) VALUES(1, 'alice')")
    let steps =
      Schema.steps + [
        "ALTER TABLE clients ADD COLUMN note TEXT DEFAULT 'new'", "CREATE TABLE more(a) STRICT",
      ]
    // The last of them is no SQL that this database takes: it has none of it, and all of those before.
    #expect(throws: StoreError.self) { try Schema.migrate(database, steps: steps) }
    #expect(try database.integer("PRAGMA user_version") == Int64(Schema.steps.count + 1))
    let mended = steps.dropLast() + ["CREATE TABLE more(a INTEGER) STRICT"]
    try Schema.migrate(database, steps: Array(mended))
    #expect(try database.integer("PRAGMA user_version") == Int64(steps.count))
    #expect(try database.integer("SELECT count(*) FROM clients WHERE note = 'new'") == 1)
    #expect(throws: StoreError.self) { try Schema.migrate(database) }
  }
}
