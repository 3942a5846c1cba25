import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

/// Random changes, many to a transaction, against a model that knows what must come of each.
@Suite struct StoreModelTests {
  private struct Model {
    var jobs: [JobID: JobRecord] = [:]
    var keys: [String: (digest: UInt8, job: JobID)] = [:]
    var events = 0

    mutating func create(_ record: JobRecord, key: String?, digest: UInt8) -> StoreOutcome {
      if let key, let known = keys["\(record.client) \(key)"] {
        return known.digest == digest ? .existing(known.job) : .keyReused
      }
      if let key { keys["\(record.client) \(key)"] = (digest, record.id) }
      jobs[record.id] = record
      events += 1
      return .saved
    }

    mutating func finish(_ record: JobRecord) -> StoreOutcome {
      guard jobs[record.id]?.state == .running else { return .notFound }
      jobs[record.id] = record
      events += 1
      return .saved
    }

    mutating func delete(_ client: Int64, _ id: JobID) -> StoreOutcome {
      guard let job = jobs[id], job.client == client else { return .notFound }
      jobs[id] = nil
      events += 1
      return .deleted(hasFiles: job.state == .running || job.stdout.kept > 0 || job.stderr.kept > 0)
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func agreesWithAModel(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var model = Model()
    let fixture = try StoreFixture()
    var next = 0
    for _ in 0..<40 {
      var changes: [StoreChange] = []
      var expected: [StoreOutcome] = []
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        let client = Int64.random(in: 1...3, using: &random)
        let known = JobRecord.sample(Int.random(in: 0...max(next, 1), using: &random), client: client)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
          next += 1
          var record = JobRecord.sample(next, client: client)
          // Young enough for its key to outlive it.
          record.created = Clock.microseconds()
          let key = Bool.random(using: &random) ? "key \(Int.random(in: 0..<5, using: &random))" : nil
          let digest = UInt8.random(in: 0...1, using: &random)
          let idempotency = key.map {
            ApiRequest.Idempotency(key: $0, digest: [digest])
          }
          changes.append(.create(record, idempotency: idempotency))
          expected.append(model.create(record, key: key, digest: digest))
        case 5..<8:
          var record = model.jobs[known.id] ?? known
          if record.state == .running { record = record.finished(exitCode: Int32(next), output: 7) }
          changes.append(.finish(record, log: [], files: []))
          expected.append(model.finish(record))
        default:
          changes.append(.delete(client: client, id: known.id))
          expected.append(model.delete(client, known.id))
        }
      }
      #expect(try fixture.applyTogether(changes) == expected)
    }
    try compare(fixture, model)
  }

  private func compare(_ fixture: StoreFixture, _ model: Model) throws {
    let reader = try StoreReader(path: fixture.path)
    var events = 0
    for client in Int64(1)...3 {
      let jobs = try reader.list(client: client, JobFilter(), before: nil, limit: 10_000).jobs
        .map(\.record.unstamped)
      let expected = model.jobs.values.filter { $0.client == client }.sorted { $0.id > $1.id }
      #expect(jobs == expected)
      let totals = fixture.store.totals(of: client)
      #expect(totals.finished == Int64(expected.count { $0.state != .running }))
      let plan = Int64(JobPlan.sample.bytes.count)
      #expect(totals.bytes == expected.reduce(0) { $0 + plan + Int64($1.stdout.kept) })
      events += try reader.events(client: client, after: 0, limit: 1 << 20).events.count
    }
    #expect(events == model.events)
  }
}
