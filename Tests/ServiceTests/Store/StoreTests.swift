import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

@Suite struct StoreTests {
  @Test func keepsAllOfARecord() throws {
    let fixture = try StoreFixture()
    var record = JobRecord.sample(1)
    #expect(try fixture.apply(.create(record)) == .saved)
    let reader = try StoreReader(path: fixture.path)
    let before = Clock.microseconds()
    #expect(try reader.job(client: 1, id: record.id)?.unstamped == record)
    record = record.finished(exitCode: 137, output: 12)
    record.signal = 9
    record.error = "the disk is full"
    record.stderr = .init(kept: 3, dropped: .max >> 1)
    record.flags = [.timedOut, .logInFile]
    (record.userTime, record.systemTime, record.peakMemory) = (4, 5, 6)
    (record.endedBy, record.stopper, record.stopAsked) = (.stop, "bob", 7)
    (record.launched, record.firstOutput, record.throttled) = (8, 9, 10)
    (record.cleanup, record.runnerError) = (.pending, "scancel: no controller")
    #expect(try fixture.apply(.finish(record, log: [1, 2, 3], files: [])) == .saved)
    let row = try #require(try reader.job(client: 1, id: record.id))
    #expect(row.unstamped == record)
    #expect(record.created < row.stored && row.stored <= before && before <= row.saved, "\(row)")
    #expect(try reader.log(client: 1, id: record.id) == [1, 2, 3])
    #expect(try reader.whole(client: 1, id: record.id)?.plan == JobPlan.sample)
  }

  @Test func isThereAfterARestart() throws {
    let scratch = try ScratchDirectory()
    let (running, finished) = (JobRecord.sample(1), JobRecord.sample(2).finished())
    do {
      let fixture = try StoreFixture(scratch.path)
      #expect(fixture.store.clientNumber(for: "client 1") == 1)
      #expect(fixture.store.clientNumber(for: "client 2") == 2)
      _ = try fixture.applyTogether([
        .create(running), .create(.sample(2)), .finish(finished, log: [], files: []),
      ])
      fixture.store.close()
    }
    let again = try StoreFixture(scratch.path)
    #expect(try again.store.runningJobs().map(\.record.unstamped) == [running])
    #expect(try again.store.runningJobs().first?.plan == JobPlan.sample)
    #expect(again.store.clients().map(\.name) == ["client 1"], "client 2 has created nothing")
    #expect(again.store.clientNumber(for: "client 1") == 1)
    #expect(again.store.totals(of: 1).finished == 1)
    #expect(try StoreReader(path: scratch.path).job(client: 1, id: finished.id)?.unstamped == finished)
  }

  @Test func knowsAJobOfItsOwnerOnly() throws {
    let fixture = try StoreFixture()
    try fixture.apply(.create(.sample(1)))
    try fixture.apply(.create(.sample(2, client: 2)))
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.job(client: 2, id: JobRecord.sample(1).id) == nil)
    #expect(try reader.whole(client: 2, id: JobRecord.sample(1).id) == nil)
    #expect(try reader.clientNumber("client 2") == 2)
    #expect(try reader.clientNumber("client 3") == nil)
    #expect(try fixture.apply(.delete(client: 2, id: JobRecord.sample(1).id)) == .notFound)
    #expect(try fixture.apply(.delete(client: 1, id: JobRecord.sample(1).id)) == .deleted(hasFiles: true))
    #expect(try reader.job(client: 1, id: JobRecord.sample(1).id) == nil)
  }

  @Test func refusesToFinishWhatDoesNotRun() throws {
    let fixture = try StoreFixture()
    let record = JobRecord.sample(1)
    #expect(try fixture.apply(.finish(record.finished(), log: [], files: [])) == .notFound)
    try fixture.apply(.create(record))
    #expect(try fixture.apply(.finish(record.finished(), log: [], files: [])) == .saved)
    #expect(try fixture.apply(.finish(record.finished(exitCode: 1), log: [], files: [])) == .notFound)
    #expect(try StoreReader(path: fixture.path).job(client: 1, id: record.id)?.exitCode == 0)
  }

  @Test func oneThatFailsHarmsNoOtherOfItsTransaction() throws {
    let fixture = try StoreFixture()
    try fixture.apply(.create(.sample(3)))
    let outcomes = try fixture.applyTogether((1...5).map { .create(.sample($0)) })
    #expect(outcomes.indices.filter { outcomes[$0] == .saved } == [0, 1, 3, 4])
    guard case .failed(let error) = outcomes[2] else { return #expect(Bool(false), "\(outcomes[2])") }
    #expect(error.description.contains("UNIQUE"))
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.list(client: 1, JobFilter(), before: nil, limit: 10).jobs.count == 5)
    #expect(fixture.store.totals(of: 1).events == 5)
  }

  @Test func aStartIsSavedWithoutAnythingElse() throws {
    let fixture = try StoreFixture()
    var record = JobRecord.sample(1)
    try fixture.apply(.create(record))
    record.started = record.created + 5
    #expect(try fixture.apply(.started(record)) == .saved)
    #expect(try StoreReader(path: fixture.path).job(client: 1, id: record.id)?.started == record.started)
  }

  @Test func outputIsOnDiskBeforeItsRecord() throws {
    let fixture = try StoreFixture()
    mkdir("\(fixture.path)/output", 0o700)
    let record = JobRecord.sample(1)
    try fixture.apply(.create(record))
    let finish = StoreChange.finish(record.finished(), log: [], files: [-1])
    #expect(try fixture.apply(finish) == .outputLost(SystemError(EBADF, "get output onto the disk")))
    #expect(try StoreReader(path: fixture.path).job(client: 1, id: record.id)?.state == .running)
  }

  @Test func whatFollowsAFinishWithFilesWaitsForIt() throws {
    let fixture = try StoreFixture()
    mkdir("\(fixture.path)/output", 0o700)
    for index in 1...50 {
      let record = JobRecord.sample(index)
      let name = record.outputName
      mkdir("\(fixture.path)/output/\(name.prefix(2))", 0o700)
      let file = open("\(fixture.path)/output/\(name).stdout", O_RDWR | O_CREAT, 0o600)
      defer { close(file) }
      #expect(write(file, "hello", 5) == 5)
      try fixture.apply(.create(record))
      let finish = fixture.enqueue(.finish(record.finished(output: 5), log: [], files: [file]))
      let delete = fixture.enqueue(.delete(client: 1, id: record.id))
      #expect(try fixture.outcome(of: finish) == .saved)
      #expect(try fixture.outcome(of: delete) == .deleted(hasFiles: true))
    }
    #expect(fixture.store.totals(of: 1) == ClientTotals(finished: 0, bytes: 0, events: 150))
  }

  @Test func closingSavesWhatIsQueued() throws {
    let scratch = try ScratchDirectory()
    let fixture = try StoreFixture(scratch.path)
    let queued = (1...200).map { fixture.enqueue(.create(.sample($0))) }
    fixture.store.close()
    for token in queued { #expect(try fixture.outcome(of: token) == .saved) }
    #expect(try StoreFixture(scratch.path).store.runningJobs().count == 200)
  }
}
