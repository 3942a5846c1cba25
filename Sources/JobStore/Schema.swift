/// The tables, as a list of steps: a database of version N has had the first N of them.
enum Schema {
  /// Marks the file as jobd's ("jobd" in ASCII).
  private static let application: Int64 = 0x6a6f_6264

  /// Only ever appended to: files of each version are out there.
  static let steps = [first, plans, queues, ends, cleanups, secrets]

  /// `bytes` of a job are those of its output, its plan and its log, `bytes` of a client the sum of them,
  /// `finished` and `events` the numbers of its jobs that are over and of its events: kept by the same transactions so
  /// that nothing is counted anew. `trimmed` is the number of the last event that was dropped. The rows of jobs are appended in the order of
  /// creation whoever owns them; only the short entries of `jobs_id` are spread over the clients. A row of `events`
  /// holds what one transaction told of one client. `orphan` is 1 once the key's job is gone.
  private static let first = """
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
    """

  /// What a job is to run is a ``JobPlan`` from here on; what is there already stays as it is, and is still read.
  private static let plans = "ALTER TABLE jobs RENAME COLUMN spec TO plan"

  /// State 3 is that of jobs that wait for a slot: `queue` and `priority` are theirs alone, `inputs` holds their inline
  /// standard input by their number, and `queues` how many there are in each, so that nothing is counted anew.
  private static let queues = """
    ALTER TABLE jobs ADD COLUMN queue TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX jobs_queue ON jobs(client, queue, priority DESC, id) WHERE state = 3;
    CREATE INDEX jobs_ahead ON jobs(client, priority, id) WHERE state = 3;
    CREATE INDEX jobs_queued ON jobs(client, id) WHERE state = 3;
    CREATE TABLE inputs(job INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE queues(
      client INTEGER NOT NULL, name TEXT NOT NULL, slots INTEGER NOT NULL, waiting INTEGER NOT NULL,
      PRIMARY KEY(client, name)) STRICT, WITHOUT ROWID;
    """

  /// What ended a job, and when it got how far. A column with a constant for the rows that are there writes none of them.
  private static let ends = """
    ALTER TABLE jobs ADD COLUMN ended_by INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN stopped_by TEXT;
    ALTER TABLE jobs ADD COLUMN stop_asked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN launched INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN first_output INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN throttled INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN saved INTEGER NOT NULL DEFAULT 0
    """

  /// What runners may have left behind of jobs that are over, which `finished` of a client does not count while `cleanup` is
  /// 1. As above no row is written; the index costs one look at each.
  private static let cleanups = """
    ALTER TABLE jobs ADD COLUMN cleanup INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN runner_error TEXT;
    CREATE INDEX jobs_cleanup ON jobs(client, id) WHERE cleanup = 1
    """

  /// Of jobs that wait for a slot, sealed, as `inputs` holds their standard input.
  private static let secrets = "CREATE TABLE secrets(job INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT"

  /// Brings a database to the newest version; refuses one that is newer or not jobd's.
  static func migrate(
    _ database: Database, steps: [String] = steps, willMigrate: () -> Void = {}
  ) throws(StoreError) {
    let application = try database.integer("PRAGMA application_id") ?? 0
    let version = Int(try database.integer("PRAGMA user_version") ?? 0)
    let isEmpty = try database.integer("SELECT count(*) FROM sqlite_schema") == 0
    guard application == Self.application || (isEmpty && version == 0) else {
      throw StoreError(.damaged, "\(database.path) is a database of another program")
    }
    guard version <= steps.count else {
      throw StoreError(
        .newer,
        "\(database.path) was written by a newer jobd (version \(version) of the tables, this one knows "
          + "\(steps.count)): run that one, or choose another state directory")
    }
    if version < steps.count { willMigrate() }
    for number in version..<steps.count { try apply(steps[number], number + 1, to: database) }
  }

  private static func apply(_ step: String, _ version: Int, to database: Database) throws(StoreError) {
    do {
      try database.execute(
        """
        BEGIN IMMEDIATE;
        \(step);
        PRAGMA application_id = \(application);
        PRAGMA user_version = \(version);
        COMMIT;
        """)
    } catch {
      database.rollback()
      throw error
    }
  }
}
