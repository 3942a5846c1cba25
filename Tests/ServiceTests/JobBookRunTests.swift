import JobAPI
import JobModel
import Testing

@testable import JobStore
@testable import JobSupervisor

/// What the book says of the jobs of run requests, step by step; time is an input.
struct JobBookRunTests {
  private struct Fixture {
    var book: JobBook
    var now = JobBook.Instant(wall: 5_000_000, monotonic: 1_000_000)
    private(set) var lastCaller = Caller(child: 3, ticket: 0)

    init() {
      var configuration = Configuration()
      configuration.launchers = 1
      book = JobBook(configuration)
    }

    /// What is deleted is nowhere else.
    mutating func handle(_ event: JobBook.Event) -> [JobBook.Effect] {
      book.handle(event, at: now).flatMap { effect in
        guard case .delete(let id, let client) = effect else { return [effect] }
        return handle(.delete(id, client: client, nil))
      }
    }

    mutating func pass(_ microseconds: Int64) -> [JobBook.Effect] {
      now.monotonic += microseconds
      return handle(.timePassed)
    }

    /// Nil: no run request.
    mutating func create(_ run: ApiRequest.Run?) -> (id: JobID, effects: [JobBook.Effect]) {
      lastCaller = Caller(child: 3, ticket: lastCaller.ticket + 1)
      let id = JobID(microseconds: now.wall, random: lastCaller.ticket)
      var creation = ApiRequest.Creation(JobPlan(CreateRequest(cmd: "true")))
      creation.run = run
      let job = JobBook.NewJob(
        id: id, client: 1, clientName: "alice", creation: creation, storedBytes: 0, caller: lastCaller)
      return (id, handle(.create(job)))
    }

    mutating func end(_ id: JobID, holdsOutput: Bool) -> [JobBook.Effect] {
      var record = book.jobs[id]!.record
      (record.state, record.finished, record.exitCode) = (.completed, now.wall, 3)
      return handle(.ended(record, holdsOutput: holdsOutput))
    }

    /// The store takes all that is asked of it, in order.
    mutating func store(_ effects: [JobBook.Effect]) -> [JobBook.Effect] {
      effects.tokens.flatMap { handle(.stored(token: $0, .saved)) }
    }
  }

  private static let kept = ApiRequest.Run(removes: false, isEarly: false)
  private static let removed = ApiRequest.Run(removes: true, isEarly: false)
  private static let full = StoreOutcome.failed(StoreError(.full, "full"))
  private static let minute: Int64 = 60_000_000

  @Test(arguments: [true, false]) func aKeptJobIsAnsweredOnceBothAreOnDisk(holdsOutput: Bool) throws {
    var fixture = Fixture()
    let (id, effects) = fixture.create(Self.kept)
    let caller = fixture.lastCaller
    let creation = try #require(effects.tokens.first)
    #expect(effects.creates(id) && effects.launches == [id])
    #expect(fixture.handle(.started(id, pid: 7, at: 5)).answers(to: caller).isEmpty)
    let ended = fixture.end(id, holdsOutput: holdsOutput)
    // Its files are made once there is a record of it; without a file the result follows the creation at once.
    #expect(ended.savesResult(of: id) != holdsOutput && ended.answers(to: caller).isEmpty)
    let recorded = fixture.handle(.stored(token: creation, .saved))
    #expect(recorded.savesResult(of: id) == holdsOutput && recorded.answers(to: caller).isEmpty)
    #expect(recorded.contains(.keepOutput(id)) == holdsOutput)
    let told = fixture.store(ended + recorded)
    #expect(told.answers(to: caller) == [.created(id)])
    #expect(fixture.book.jobs.isEmpty)
  }

  @Test func aShortJobThatIsRemovedIsNeverStored() throws {
    var fixture = Fixture()
    let (id, effects) = fixture.create(Self.removed)
    #expect(effects.tokens.isEmpty && effects.launches == [id])
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    let ended = fixture.end(id, holdsOutput: true)
    #expect(ended.delivers(to: fixture.lastCaller) && ended.tokens.isEmpty)
    let gone = fixture.handle(.delivered([id], client: 1, isWhole: true, child: 3))
    #expect(gone == [.count(.deleted), .release(id)])
  }

  @Test func aJobThatIsRemovedIsStoredOnceItLasts() throws {
    var fixture = Fixture()
    let (id, _) = fixture.create(Self.removed)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    #expect(!fixture.pass(99_999).creates(id))
    let late = fixture.pass(1)
    #expect(late.creates(id))
    let known = fixture.store(late)
    #expect(known.contains(.keepOutput(id)) && known.answers(to: fixture.lastCaller) == [.created(id)])
    // What is told of its end is on disk, and it goes once that was delivered, however long that takes.
    let ended = fixture.end(id, holdsOutput: false)
    #expect(ended.savesResult(of: id) && !ended.announces(id))
    #expect(fixture.store(ended).announces(id) && fixture.book.jobs.isEmpty)
    #expect(fixture.pass(2 * Self.minute) == [])
    let deletion = fixture.handle(.delivered([id], client: 1, isWhole: true, child: 3))
    #expect(deletion.deletes(id))
  }

  /// Its client, or the api process, goes away while it has the result of a job that is on disk.
  /// However many came before: each has its own time.
  @Test func onlyThoseThatLastAreStored() throws {
    var fixture = Fixture()
    let (first, _) = fixture.create(Self.removed)
    _ = fixture.pass(95_000)
    let (second, _) = fixture.create(Self.removed)
    let stored = fixture.pass(10_000)
    #expect(stored.creates(first) && !stored.creates(second))
    _ = fixture.end(second, holdsOutput: false)
    #expect(fixture.pass(200_000).tokens.isEmpty)
  }

  /// More than are launched at once.
  private func createMany(_ fixture: inout Fixture) -> (launched: [JobID], waits: JobID) {
    var launched: [JobID] = []
    while true {
      let (id, effects) = fixture.create(Self.removed)
      if effects.launches.isEmpty { return (launched, id) }
      launched.append(id)
    }
  }

  @Test func theTimeUntilItsLaunchIsNotAJobsOwn() throws {
    var fixture = Fixture()
    let (launched, waits) = createMany(&fixture)
    _ = fixture.pass(50_000)
    #expect(fixture.handle(.started(launched[0], pid: 7, at: 5)).launches == [waits])
    let stored = fixture.pass(50_000)
    #expect(launched.allSatisfy(stored.creates) && !stored.creates(waits))
    #expect(fixture.pass(50_000).creates(waits))
    #expect(!fixture.pass(1_000_000).creates(waits))
  }

  @Test func whatWaitsLongForItsLaunchIsStored() throws {
    var fixture = Fixture()
    let (launched, waits) = createMany(&fixture)
    #expect(!fixture.pass(999_999).creates(waits))
    let late = fixture.pass(1)
    #expect(late.creates(waits))
    #expect(fixture.store(late).answers(to: fixture.lastCaller) == [.created(waits)])
    // There is a record of it: its output goes into files.
    let effects = fixture.handle(.started(launched[0], pid: 7, at: 5))
    let isLaunched = effects.contains {
      if case .launch(waits, _, _, holdsOutput: false) = $0 { true } else { false }
    }
    #expect(isLaunched)
    #expect(!fixture.pass(200_000).creates(waits))
  }

  /// Of what waits for a slot nothing is held here but who is to be answered.
  @Test func theStoreAloneHoldsWhatWaits() {
    var fixture = Fixture()
    _ = fixture.handle(.launchesPaused)
    for run in [Self.kept, Self.removed, ApiRequest.Run(removes: false, isEarly: true)] {
      _ = fixture.store(fixture.create(run).effects)
    }
    #expect(fixture.book.jobs.isEmpty && fixture.book.waitingRuns.count == 2)
    #expect(fixture.book.waitingRuns.values.allSatisfy { $0.run.creation == nil })
  }

  @Test(arguments: [true, false]) func aStoredResultThatIsNotDeliveredIsDeletedAfterAMinute(byDeath: Bool)
    throws
  {
    var fixture = Fixture()
    let (id, _) = fixture.create(Self.removed)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    _ = fixture.store(fixture.pass(100_000))
    _ = fixture.store(fixture.end(id, holdsOutput: false))
    let leaves: JobBook.Event =
      byDeath ? .callersGone(child: 3) : .delivered([id], client: 1, isWhole: false, child: 3)
    // Neither is another's.
    #expect(fixture.handle(.callersGone(child: 2)) == [])
    #expect(fixture.handle(.delivered([id], client: 2, isWhole: true, child: 3)) == [])
    #expect(fixture.handle(leaves) == [])
    #expect(fixture.pass(Self.minute - 1) == [])
    #expect(fixture.pass(1).deletes(id))
  }

  /// A result that nobody took is kept for a minute, whenever it was that they went away.
  @Test(arguments: [false, true]) func whatIsNotDeliveredIsDeletedAfterAMinute(leavesEarly: Bool) throws {
    var fixture = Fixture()
    let (id, _) = fixture.create(Self.removed)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    let leaves = JobBook.Event.delivered([id], client: 1, isWhole: false, child: 3)
    if leavesEarly { #expect(fixture.handle(leaves) == []) }
    var effects = fixture.end(id, holdsOutput: true)
    if !leavesEarly { effects = fixture.handle(leaves) }
    #expect(effects.creates(id))
    let recorded = fixture.store(effects)
    #expect(recorded.contains(.keepOutput(id)) && recorded.savesResult(of: id))
    #expect(fixture.store(recorded).announces(id) && fixture.book.jobs.isEmpty)
    // The start of a job that has ended, and that it lasts, are looked at and are nothing.
    #expect(fixture.pass(Self.minute - 1) == [])
    #expect(fixture.book.nextDeadline == fixture.now.monotonic + 1)
    let deletion = fixture.pass(1)
    #expect(deletion.deletes(id))
    let token = try #require(deletion.tokens.first)
    #expect(fixture.handle(.stored(token: token, .deleted(hasFiles: true))).contains(.removeFiles(id)))
    #expect(fixture.book.jobs.isEmpty && fixture.book.nextDeadline == nil)
  }

  /// The api process that would deliver it is gone.
  @Test func aResultOutlivesTheApiProcess() throws {
    var fixture = Fixture()
    let (id, _) = fixture.create(Self.removed)
    _ = fixture.end(id, holdsOutput: true)
    #expect(fixture.handle(.callersGone(child: 2)) == [])
    let effects = fixture.handle(.callersGone(child: 3))
    #expect(effects.creates(id))
    #expect(fixture.store(fixture.store(effects)).announces(id))
  }

  /// What cannot be stored is refused, and ended: nothing is left of it.
  @Test(arguments: [true, false]) func aCreationThatFailsBesideTheLaunchEndsTheJob(hasEnded: Bool) throws {
    var fixture = Fixture()
    let (id, effects) = fixture.create(Self.kept)
    let creation = try #require(effects.tokens.first)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    if hasEnded { #expect(fixture.end(id, holdsOutput: true) == [.hurryStore]) }
    let failed = fixture.handle(.stored(token: creation, Self.full))
    guard case .refused(let refusal)? = failed.answers(to: fixture.lastCaller).first else {
      return #expect(Bool(false), "\(failed)")
    }
    #expect(refusal.reason == .noSpace && failed.contains(.stop(id, grace: 0)) == !hasEnded)
    let gone = hasEnded ? failed : fixture.end(id, holdsOutput: false)
    #expect(
      gone.contains(.release(id)) && gone.tokens.isEmpty && gone.answers(to: fixture.lastCaller).count <= 1)
    #expect(fixture.book.jobs.isEmpty && fixture.book.running == 0)
  }

  /// One that is not launched when the daemon is replaced waits, on record, with whoever asked for it.
  @Test(arguments: [true, false]) func whatIsNotLaunchedIsStoredAndWaits(removes: Bool) throws {
    var fixture = Fixture()
    while fixture.create(Self.removed).effects.launches != [] {}
    let (id, _) = fixture.create(ApiRequest.Run(removes: removes, isEarly: false))
    let caller = fixture.lastCaller
    let pause = fixture.handle(.launchesPaused)
    #expect(
      pause.contains { if case .store(.requeue(let job, _, _), _) = $0 { job.id == id } else { false } })
    _ = fixture.store(pause)
    #expect(fixture.book.jobs[id] == nil && fixture.book.waitingRuns[id] != nil)
    let queue = fixture.handle(.launchesResumed)
    let key = QueueKey(client: 1, name: "")
    #expect(queue.contains(.loadQueue(key)) || !queue.tokens.isEmpty)
    #expect(fixture.book.waitingRuns[id]?.run.caller == caller || fixture.book.jobs[id]?.creator == caller)
  }

  /// A job that is over but for its delivery is not waited for.
  @Test func aStopOfWhatIsBeingDeliveredIsAnsweredAtOnce() throws {
    var fixture = Fixture()
    let (id, _) = fixture.create(Self.removed)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    _ = fixture.end(id, holdsOutput: true)
    let caller = Caller(child: 3, ticket: 99)
    #expect(
      fixture.handle(.stop(id, client: 1, by: "alice", grace: nil, queued: false, caller)) == [
        .answer(caller, .done)
      ])
  }
}

extension [JobBook.Effect] {
  fileprivate var tokens: [UInt64] {
    compactMap { effect in
      switch effect {
      case .store(_, let token), .saveResult(_, _, let token): token
      default: nil
      }
    }
  }

  fileprivate var launches: [JobID] {
    compactMap { if case .launch(let id, _, _, true) = $0 { id } else { nil } }
  }

  fileprivate func answers(to caller: Caller) -> [JobBook.Answer] {
    compactMap { if case .answer(caller, let answer) = $0 { answer } else { nil } }
  }

  fileprivate func creates(_ id: JobID) -> Bool {
    contains { if case .store(.create(let record, _, _), _) = $0 { record.id == id } else { false } }
  }

  fileprivate func deletes(_ id: JobID) -> Bool {
    contains { if case .store(.delete(_, id), _) = $0 { true } else { false } }
  }

  fileprivate func savesResult(of id: JobID) -> Bool {
    contains { if case .saveResult(let record, _, _) = $0 { record.id == id } else { false } }
  }

  fileprivate func announces(_ id: JobID) -> Bool {
    contains {
      if case .announce(let record, _) = $0 { record.id == id && record.state != .running } else { false }
    }
  }

  fileprivate func delivers(to caller: Caller) -> Bool {
    contains { if case .deliver(caller, _) = $0 { true } else { false } }
  }
}
