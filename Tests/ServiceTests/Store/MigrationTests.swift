import JobAPI
import Testing

@testable import JobService

@Suite struct MigrationTests {
  /// A database as version 1 of the tables left it, with one job.
  private static let versionOne = """
    CREATE TABLE clients(
      id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, finished INTEGER NOT NULL DEFAULT 0,
      bytes INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0, trimmed INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE jobs(
      number INTEGER PRIMARY KEY, client INTEGER NOT NULL, id BLOB NOT NULL, state INTEGER NOT NULL,
      created INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER NOT NULL, exit_code INTEGER NOT NULL,
      signal INTEGER NOT NULL, error TEXT, stdout_kept INTEGER NOT NULL, stdout_dropped INTEGER NOT NULL,
      stderr_kept INTEGER NOT NULL, stderr_dropped INTEGER NOT NULL, flags INTEGER NOT NULL,
      user_time INTEGER NOT NULL, system_time INTEGER NOT NULL, peak_memory INTEGER NOT NULL,
      bytes INTEGER NOT NULL, key TEXT, log BLOB NOT NULL, spec BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX jobs_id ON jobs(client, id);
    CREATE INDEX jobs_running ON jobs(client, id) WHERE state = 0;
    CREATE INDEX jobs_error ON jobs(client, id) WHERE state = 2;
    CREATE TABLE idempotency(
      client INTEGER NOT NULL, key TEXT NOT NULL, job BLOB NOT NULL, digest BLOB NOT NULL,
      created INTEGER NOT NULL, orphan INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(client, key)) STRICT, WITHOUT ROWID;
    CREATE INDEX idempotency_orphan ON idempotency(created) WHERE orphan = 1;
    CREATE TABLE events(
      client INTEGER NOT NULL, last INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL,
      entries BLOB NOT NULL, PRIMARY KEY(client, last)) STRICT, WITHOUT ROWID;
    INSERT INTO clients VALUES(7, 'alice', 1, 99, 0, 41);
    INSERT INTO jobs VALUES(1, 7, x'019b76da80017000800000000000abcd', 1, 1767225600001000, 1767225600002000,
      1767225600003000, 3, 0, NULL, 5, 0, 0, 0, 0, 10, 20, 30, 99, 'key', x'', x'');
    INSERT INTO idempotency VALUES(7, 'key', x'019b76da80017000800000000000abcd', x'01', 1767225600001000, 0);
    PRAGMA application_id = 0x6a6f6264;
    PRAGMA user_version = 1;
    """

  @Test func opensAFileOfTheFirstVersion() throws {
    let scratch = try ScratchDirectory()
    do { try Database(Store.database(in: scratch.path), .create).execute(Self.versionOne) }
    let fixture = try StoreFixture(scratch.path)
    let id = try #require(JobID("019b76da-8001-7000-8000-00000000abcd"))
    #expect(fixture.store.clients().map(\.id) == [7])
    #expect(fixture.store.clientNumber(for: "bob") == 8)
    let record = try #require(try StoreReader(path: scratch.path).job(client: 7, id: id))
    #expect(record.state == .completed && record.exitCode == 3 && record.peakMemory == 30)
    #expect(try fixture.apply(.create(.sample(1, client: 7))) == .saved)
    #expect(fixture.lastEvent == 42)
    let key = Order.Idempotency(key: "key", digest: [1])
    #expect(try fixture.apply(.create(.sample(2, client: 7), idempotency: key)) == .existing(id))
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
