import Glibc
import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

/// A directory that is gone when the value is.
final class ScratchDirectory: Sendable {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/jobd-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { remove("\(path)/\(name)") }
      }
      closedir(directory)
    }
    Glibc.remove(path)
  }
}

/// A store and what became of the changes it was given.
final class StoreFixture: Sendable {
  let path: String
  private let scratch: ScratchDirectory?
  let store: Store
  private let told: Told
  private let tokens = Mutex<UInt64>(0)

  private final class Told: Sendable {
    let outcomes = Mutex<[UInt64: StoreOutcome]>([:])
  }

  /// In a directory of its own, or in `path`.
  init(_ path: String? = nil, group: gid_t? = nil) throws {
    scratch = path == nil ? try ScratchDirectory() : nil
    self.path = path ?? scratch!.path
    let told = Told()
    self.told = told
    store = try Store(path: self.path, group: group) { outcomes in
      told.outcomes.withLock { for (token, _, outcome) in outcomes { $0[token] = outcome } }
    }
  }

  deinit { store.close() }

  func enqueue(_ change: StoreChange) -> UInt64 {
    let token = tokens.withLock { token in
      token += 1
      return token
    }
    store.enqueue(change, token: token)
    return token
  }

  /// What became of a change, waited for.
  func outcome(of token: UInt64) throws -> StoreOutcome {
    try #require(waitUntil { self.told.outcomes.withLock { $0[token] != nil } })
    return told.outcomes.withLock { $0[token]! }
  }

  @discardableResult
  func apply(_ change: StoreChange) throws -> StoreOutcome { try outcome(of: enqueue(change)) }

  /// The outcomes of changes that are all taken by one transaction.
  func applyTogether(_ changes: [StoreChange]) throws -> [StoreOutcome] {
    let gate = Semaphore()
    store.maintain(.everything) { _ in gate.wait() }
    let queued = changes.map { enqueue($0) }
    gate.post()
    return try queued.map { try outcome(of: $0) }
  }

  func reader() throws -> StoreReader { try StoreReader(path: path) }

  /// The first jobs that wait in a queue.
  func places(_ key: QueueKey, most: Int) throws -> [QueuePlace] {
    let result = Mutex<Result<[QueuePlace], StoreError>?>(nil)
    store.loadQueue(key, most: most) { found in result.withLock { $0 = found } }
    try #require(waitUntil { result.withLock { $0 != nil } })
    return try result.withLock { $0! }.get()
  }

  func expired(_ retention: Retention) throws -> Expired {
    let result = Mutex<Result<Expired, StoreError>?>(nil)
    store.maintain(retention) { found in result.withLock { $0 = found } }
    try #require(waitUntil { result.withLock { $0 != nil } })
    return try #require(result.withLock { $0 }).get()
  }
}

/// Whether `condition` comes true within a minute.
func waitUntil(_ condition: () -> Bool) -> Bool {
  (try? Poll.until("what must come", condition)) != nil
}

extension Retention {
  /// Lets nothing go.
  static let everything = Retention(
    age: 1 << 60, totalBytes: 1 << 60, eventAge: 1 << 60,
    each: OfClient(jobs: 1 << 60, bytes: 1 << 60, events: 1 << 60))
}

extension JobRecord {
  /// The `index`th job of a client, created that many milliseconds after the beginning of 2026.
  static func sample(_ index: Int, client: Int64 = 1) -> JobRecord {
    let created = 1_767_225_600_000_000 + Int64(index) * 1000
    let random = UInt64(index) &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(client)
    return JobRecord(id: JobID(microseconds: created, random: random), client: client, created: created)
  }

  /// The same, ended, with something that its runner left.
  static func uncleaned(_ index: Int) -> JobRecord {
    var record = sample(index).finished()
    record.cleanup = .pending
    return record
  }

  /// Without the times at which it was written.
  var unstamped: JobRecord {
    var record = self
    (record.stored, record.saved) = (0, 0)
    return record
  }

  func finished(exitCode: Int32 = 0, output: UInt64 = 0, at: Int64? = nil) -> JobRecord {
    var record = self
    record.state = .completed
    record.started = created + 10
    record.finished = at ?? created + 20
    record.exitCode = exitCode
    record.stdout.kept = output
    return record
  }
}

extension StoreChange {
  static func create(
    _ record: JobRecord, _ plan: JobPlan = .sample, idempotency: ApiRequest.Idempotency? = nil
  ) -> StoreChange {
    .create(
      record, clientName: "client \(record.client)", ApiRequest.Creation(plan, idempotency: idempotency))
  }

  static func finish(_ record: JobRecord, log: [UInt8], files: [Int32]) -> StoreChange {
    .finish(record, log: log, files: files, isStartStored: true)
  }
}

extension JobPlan {
  static var sample: JobPlan { labelled([:]) }

  static func labelled(_ labels: [String: String]) -> JobPlan {
    var request = CreateRequest(cmd: "/bin/echo", args: ["hello"])
    request.labels = labels
    return JobPlan(request)
  }
}
