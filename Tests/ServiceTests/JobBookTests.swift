import Glibc
import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import JobSupervisor
@testable import Platform

/// What the book of jobs asks for is carried out here by a world of the test's own, without a process or a disk: the store
/// takes changes and may fail, programs start, fail to start and end, clients ask for anything at any time.
private struct World {
  private(set) var book: JobBook
  private(set) var now = JobBook.Instant(wall: 1_700_000_000_000_000, monotonic: 1_000_000)
  private var random: SplitMix
  private var lastTicket: UInt64 = 0

  private enum Request {
    case change(token: UInt64, StoreChange)
    case load(QueueKey)
  }
  /// What the store was asked and has not answered, in order.
  private var queue: [Request] = []
  /// What jobs in the store are to run; those of them that wait have no other process.
  private var creations: [JobID: ApiRequest.Creation] = [:]
  private let configuration: Configuration
  /// Jobs in the store: the record, once it is there.
  private(set) var stored: [JobID: JobRecord] = [:]
  private var deletedOnDisk: Set<JobID> = []
  /// Launches under way and processes that run; those that were told to end.
  private var launching: Set<JobID> = []
  private(set) var processes: Set<JobID> = []
  private var told: Set<JobID> = []
  /// Clients of launches whose processes are left.
  private var left: [Int64] = []

  /// Jobs of which something is left elsewhere, and being ended.
  private var cleaning: Set<JobID> = []

  /// Whose each job is, and what it runs.
  private var asked: [JobID: (client: Int64, plan: JobPlan)] = [:]
  /// Jobs whose output is in memory, those that could not be stored, and results on their way to a client.
  private var holding: Set<JobID> = []
  private var refused: Set<JobID> = []
  private var toDeliver: Set<JobID> = []
  /// Run requests' jobs that go with their delivery.
  private var removing: Set<JobID> = []
  /// The api process that run requests come from.
  private var child = 2

  /// Callers that were not answered yet, and what they asked for.
  private(set) var waiting: [Caller: String] = [:]
  private(set) var created: Set<JobID> = []
  private var launched: Set<JobID> = []
  private(set) var released: Set<JobID> = []
  /// What the api process was told of each job last.
  private(set) var known: [JobID: JobRecord] = [:]

  init(seed: UInt64, _ configuration: Configuration) {
    random = SplitMix(seed: seed)
    self.configuration = configuration
    book = JobBook(configuration)
  }

  mutating func step(storeFails: Bool) {
    now.wall += Int64.random(in: 0...2000, using: &random)
    now.monotonic += Int64.random(in: 0...2000, using: &random)
    switch Int.random(in: 0..<20, using: &random) {
    case 18: clean(isDone: true)
    case 19: clean(isDone: false)
    case 0, 1: create()
    case 15: deliver()
    case 16: if let id = holding.randomElement(using: &random) { handle(.outputFull(id)) }
    case 17: if Int.random(in: 0..<20, using: &random) == 0 { loseCallers() }
    case 2: delete()
    case 3: stop()
    case 4, 5, 6: answerOfStore(fails: storeFails)
    case 7, 8: if let id = launching.randomElement(using: &random) { start(id) }
    case 9: if let id = processes.randomElement(using: &random) { end(id) }
    case 10: now.monotonic += 600_000
    case 13: if let id = launching.randomElement(using: &random) { handle(.launchWaits(id)) }
    case 14: if let client = left.popLast() { handle(.slowLaunchGone(client: client)) }
    case 11: handle(Bool.random(using: &random) ? .launchesPaused : .launchesResumed)
    default: if let due = book.nextDeadline, due <= now.monotonic { handle(.timePassed) }
    }
  }

  /// Lets everything that is under way come to its end, with a store that takes all.
  mutating func settle() {
    for _ in 0..<100_000 {
      now.monotonic += 2_000_000
      if !queue.isEmpty {
        answerOfStore(fails: false)
      } else if let id = launching.first {
        start(id)
      } else if let id = told.intersection(processes).first ?? processes.first {
        end(id)
      } else if let client = left.popLast() {
        handle(.slowLaunchGone(client: client))
      } else if !cleaning.isEmpty {
        clean(isDone: true)
      } else if !toDeliver.isEmpty {
        deliver()
      } else if book.nextDeadline != nil {
        handle(.timePassed)
      } else {
        return
      }
    }
    Issue.record("it never settles")
  }

  mutating func resumeLaunches() { handle(.launchesResumed) }

  mutating func stopAll() {
    handle(.stopping)
    handle(.stopAll)
    loseCallers()
  }

  private mutating func caller(_ what: String) -> Caller {
    lastTicket += 1
    let caller = Caller(child: what == "run" ? child : 1, ticket: lastTicket)
    waiting[caller] = what
    return caller
  }

  private mutating func create() {
    let id = JobID(microseconds: now.wall, random: UInt64.random(in: 0...UInt64.max, using: &random))
    let client = Int64.random(in: 1...3, using: &random)
    var request = CreateRequest(cmd: "true")
    if Int.random(in: 0..<4, using: &random) == 0 {
      request.priority = Int64.random(in: -2...2, using: &random)
    }
    if Int.random(in: 0..<4, using: &random) == 0 { (request.queue, request.queueSlots) = ("q", 2) }
    if Int.random(in: 0..<4, using: &random) == 0 { request.runner = "away" }
    var creation = ApiRequest.Creation(JobPlan(request))
    if Bool.random(using: &random) {
      creation.run = ApiRequest.Run(
        removes: Bool.random(using: &random), isEarly: Bool.random(using: &random))
      if creation.run!.removes { removing.insert(id) }
    }
    asked[id] = (client, creation.plan)
    let job = JobBook.NewJob(
      id: id, client: client, clientName: "client \(client)", creation: creation, storedBytes: 0,
      caller: caller(creation.run == nil ? "create" : "run"))
    handle(.create(job))
  }

  /// A client takes a result, or goes away before it has it.
  private mutating func deliver() {
    let isEarly = Int.random(in: 0..<5, using: &random) == 0
    guard let id = (isEarly ? removing : toDeliver).sorted().randomElement(using: &random) else { return }
    let isWhole = toDeliver.remove(id) != nil && Bool.random(using: &random)
    handle(.delivered([id], client: asked[id]!.client, isWhole: isWhole, child: child))
  }

  private mutating func loseCallers() {
    waiting = waiting.filter { $0.value != "run" }
    toDeliver = []
    handle(.callersGone(child: child))
    child += 1
  }

  /// Jobs that are being launched, or run, of a client and of its queue.
  private func active(_ client: Int64, queue: String? = nil) -> Int {
    launching.union(processes).count { id in
      asked[id]!.client == client && (queue == nil || asked[id]!.plan.queue == queue)
    }
  }

  private mutating func anyJob() -> (JobID, Int64)? {
    let ids = Array(created)
    guard let id = ids.sorted().randomElement(using: &random) else { return nil }
    let owner = book.jobs[id]?.record.client ?? stored[id]?.client ?? 1
    return (id, owner)
  }

  private mutating func delete() {
    guard let (id, client) = anyJob() else { return }
    // The supervisor waits until it is clean.
    guard !cleaning.contains(id) || book.jobs[id]?.lifecycle.state == .cleaning else { return }
    handle(.delete(id, client: client, Bool.random(using: &random) ? caller("delete") : nil))
  }

  private mutating func stop() {
    guard let (id, client) = anyJob() else { return }
    handle(
      .stop(
        id, client: client, by: "client \(client)", grace: Bool.random(using: &random) ? 0 : nil,
        queued: Bool.random(using: &random), caller("stop")))
  }

  private mutating func start(_ id: JobID) {
    launching.remove(id)
    guard Int.random(in: 0..<5, using: &random) > 0 else {
      if Bool.random(using: &random) { return handle(.notLaunched(id, why: "no memory")) }
      var record = book.jobs[id]!.record
      (record.state, record.error) = (.error, "no such program")
      let isLeft = book.jobs[id]!.launchWaits && Bool.random(using: &random)
      if isLeft { left.append(record.client) }
      return handle(.ended(record, isLaunching: isLeft))
    }
    processes.insert(id)
    handle(.started(id, pid: 7, at: now.wall))
  }

  private mutating func end(_ id: JobID) {
    processes.remove(id)
    told.remove(id)
    var record = book.jobs[id]!.record
    (record.state, record.finished, record.exitCode) = (.completed, now.wall, 3)
    let holdsOutput = holding.contains(id) && Bool.random(using: &random)
    if asked[id]!.plan.runner != nil, Bool.random(using: &random) { record.cleanup = .pending }
    handle(.ended(record, holdsOutput: holdsOutput))
  }

  /// What is left of a job elsewhere is ended, or is not after a while.
  private mutating func clean(isDone: Bool) {
    guard let id = cleaning.sorted().randomElement(using: &random) else { return }
    guard isDone else {
      if Bool.random(using: &random) { handle(.runnerFailed(id, client: asked[id]!.client, "no answer")) }
      return handle(.notCleaned(id, failure: "still there"))
    }
    cleaning.remove(id)
    handle(.cleaned(id, client: asked[id]!.client, error: nil))
  }

  private mutating func answerOfStore(fails: Bool) {
    guard !queue.isEmpty else { return }
    switch queue.removeFirst() {
    case .change(let token, let change): handle(.stored(token: token, outcome(of: change, fails: fails)))
    case .load(let key):
      let isLost = fails && Bool.random(using: &random)
      handle(.loaded(key, isLost ? nil : Array(places(of: key).prefix(WaitingJobs.most))))
    }
  }

  /// Those that wait in the store, in order.
  private func places(of key: QueueKey) -> [QueuePlace] {
    stored.values.filter { $0.isQueued && $0.client == key.client }
      .map { ($0.id, creations[$0.id]!.plan) }.filter { $0.1.queue ?? "" == key.name }
      .map { QueuePlace(priority: $0.1.priority, id: $0.0) }.sorted()
  }

  private mutating func outcome(of change: StoreChange, fails: Bool) -> StoreOutcome {
    if fails, Int.random(in: 0..<3, using: &random) == 0 {
      if case .create = change { refused.insert(change.id) }
      return .failed(StoreError(.full, "full"))
    }
    switch change {
    case .create(let record, _, let creation):
      if Int.random(in: 0..<20, using: &random) == 0 {
        refused.insert(record.id)
        return .keyReused
      }
      #expect(stored[record.id] == nil)
      (stored[record.id], creations[record.id]) = (record, creation)
    case .dequeue(_, let id):
      guard stored[id]?.isQueued == true else { return .notFound }
      stored[id]!.isQueued = false
      return .dequeued(stored[id]!, creations[id]!)
    case .requeue(let record, _, _):
      guard let before = stored[record.id], before.state == .running, !before.isQueued else {
        return .notFound
      }
      stored[record.id]!.isQueued = true
    case .finish(let record, _, _, _):
      guard let before = stored[record.id], before.state == .running, !before.isQueued else {
        return .notFound
      }
      if fails, Int.random(in: 0..<10, using: &random) == 0 { return .outputLost(SystemError(EIO, "write")) }
      stored[record.id] = record
    case .cleaned(_, let id, let error, let isDone):
      guard stored[id]?.cleanup == .pending else { return .notFound }
      if isDone { stored[id]!.cleanup = .done }
      stored[id]!.runnerError = error ?? stored[id]!.runnerError
    case .started: break
    case .find: return .notFound
    case .delete(_, let id):
      guard let before = stored.removeValue(forKey: id) else { return .notFound }
      deletedOnDisk.insert(id)
      return .deleted(hasFiles: true, queue: before.isQueued ? creations[id]!.plan.queue ?? "" : nil)
    }
    return .saved
  }

  private mutating func handle(_ event: JobBook.Event) {
    for effect in book.handle(event, at: now) { carryOut(effect) }
  }

  private mutating func carryOut(_ effect: JobBook.Effect) {
    switch effect {
    case .store(let change, let token): queue.append(.change(token: token, change))
    case .loadQueue(let key): queue.append(.load(key))
    case .admit(let record, _, let waited):
      #expect(stored[record.id]?.isQueued == false && waited >= 0)
      let isRefused = Int.random(in: 0..<20, using: &random) == 0
      handle(.admitted(record.id, isRefused ? Refusal(reason: .forbidden, text: "not any more") : nil))
    case .saveResult(let record, let isStartStored, let token):
      #expect(!processes.contains(record.id), "its process is gone before its end is stored")
      #expect(record.state != .running)
      queue.append(
        .change(token: token, .finish(record, log: [], files: [], isStartStored: isStartStored)))
    case .launch(let id, let creation, _, let holdsOutput):
      #expect(
        holdsOutput ? creation.run != nil : stored[id]?.isQueued == false,
        "launched only once it is on disk that it is, but for run requests")
      #expect(!holdsOutput || creation.plan.runner == nil, "what it leaves elsewhere can be found")
      #expect(launched.insert(id).inserted, "launched at most once")
      launching.insert(id)
      if holdsOutput { holding.insert(id) }
      let client = asked[id]!.client
      #expect(launching.count + processes.count <= configuration.maxRunningJobs)
      #expect(active(client) <= configuration.client.runningJobs && active(client, queue: "q") <= 2)
    case .stop(let id, _): told.insert(id)
    case .keepOutput(let id):
      #expect(stored[id] != nil || refused.contains(id), "no file without a record")
      holding.remove(id)
    case .deliver(let caller, let record):
      #expect(record.state != .running && removing.contains(record.id))
      #expect(waiting.removeValue(forKey: caller) == "run", "answered once")
      toDeliver.insert(record.id)
    case .announce(let record, _):
      #expect(stored[record.id] != nil)
      if record.state != .running {
        #expect(stored[record.id]?.asTold == record.asTold, "told only once it is on disk")
        if removing.contains(record.id) { toDeliver.insert(record.id) }
      }
      known[record.id] = record
    case .announceDeletion(let id):
      #expect(deletedOnDisk.contains(id))
      known[id] = nil
    case .delete(let id, let client):
      if !cleaning.contains(id) || book.jobs[id]?.lifecycle.state == .cleaning {
        handle(.delete(id, client: client, nil))
      }
    case .clean(let record):
      #expect(record.cleanup == .pending && stored[record.id]?.state == .running)
      #expect(!processes.contains(record.id) && cleaning.insert(record.id).inserted)
    case .removeFiles(let id): #expect(deletedOnDisk.contains(id) || refused.contains(id))
    case .answer(let caller, let answer): answered(caller, answer)
    case .release(let id):
      // One that waits may be taken out of its queue at once.
      #expect(book.jobs[id].map { $0.lifecycle.state == .dequeuing } ?? true)
      #expect(!launching.contains(id) && !processes.contains(id))
      released.insert(id)
      holding.remove(id)
    case .inputEnded, .hold, .hurryStore, .dropOutput, .outputLost, .count, .lostAreStored: break
    }
  }

  private mutating func answered(_ caller: Caller, _ answer: JobBook.Answer) {
    if case .launched(let id) = answer {
      #expect(waiting[caller] == "run" && removing.contains(id))
      return
    }
    let what = waiting.removeValue(forKey: caller)
    #expect(what != nil, "answered once")
    if case .created(let id) = answer {
      #expect(what == "create" || what == "run")
      #expect(stored[id] != nil || deletedOnDisk.contains(id))
      created.insert(id)
    } else if case .done = answer {
      #expect(what != "create" && what != "run")
    }
  }
}

extension JobRecord {
  /// Without what the row alone tells.
  fileprivate var asTold: JobRecord {
    var record = self
    (record.cleanup, record.runnerError) = (.none, nil)
    return record
  }
}

struct JobBookTests {
  private static func configuration(running: Int = 1000, client: Int? = nil) -> Configuration {
    var configuration = Configuration()
    (configuration.maxRunningJobs, configuration.client.runningJobs) = (running, client ?? running)
    (configuration.client.createRate, configuration.launchers) = (1_000_000, 1)
    return configuration
  }

  /// Whatever happened in whatever order: when all has come to its end nothing is left over, and nobody waits.
  @Test(arguments: 0..<300)
  func nothingIsLeftOver(seed: UInt64) {
    var world = World(seed: seed, Self.configuration(running: 12, client: 7))
    for _ in 0..<1500 { world.step(storeFails: seed % 3 == 0) }
    // An upgrade that has paused launches comes to an end, or to an end of the daemon.
    if seed % 5 == 0 { world.stopAll() } else { world.resumeLaunches() }
    world.settle()
    #expect(world.book.jobs.isEmpty && world.book.running == 0 && !world.book.hasPending)
    #expect(world.book.nextDeadline == nil && world.book.isSettled && world.book.toDeliver.isEmpty)
    #expect(world.waiting.isEmpty && world.processes.isEmpty)
    #expect(!world.created.isEmpty && world.created.isSubset(of: world.released))
    let ended = world.stored.filter { !$0.value.isQueued }
    #expect(ended.values.allSatisfy { $0.state != .running }, "each job has an end, waits, or is deleted")
    #expect(seed % 5 == 0 || ended.count == world.stored.count, "what waited was launched")
    #expect(world.book.waiting.count == world.stored.count - ended.count)
    let known = world.known.filter { !$0.value.isQueued }
    let unlike = Set(known.keys).union(ended.keys).filter { known[$0]?.asTold != ended[$0]?.asTold }
    #expect(ended.values.allSatisfy { $0.cleanup != .pending }, "nothing is left elsewhere")
    #expect(unlike.isEmpty, "the api process knows how each ended: \(unlike.map { (known[$0], ended[$0]) })")
    // The limits hold nothing back either: as many jobs as at the beginning.
    for _ in 0..<40 where seed % 5 != 0 { #expect(accepts(&world)) }
  }

  private func accepts(_ world: inout World) -> Bool {
    let before = world.created.count
    for _ in 0..<500 where world.created.count == before { world.step(storeFails: false) }
    return world.created.count > before
  }

  /// A client whose programs do not come to run has no more than a few launches that wait, and others go on.
  @Test func slowLaunchesOfAClientAreBounded() throws {
    var fixture = Fixture()
    func launches(_ effects: [JobBook.Effect]) -> [JobID] {
      effects.compactMap { if case .launch(let id, _, _, _) = $0 { id } else { nil } }
    }
    let jobs = (0..<20).map { fixture.create(UInt64($0), client: 1) }
    // Eight are under way; each of the first four that wait gives its place to another, but the fourth.
    var launched = Array(jobs.prefix(8))
    for id in jobs.prefix(8) { launched += launches(fixture.handle(.launchWaits(id))) }
    #expect(launched == Array(jobs.prefix(11)))
    for id in launched.suffix(3) { #expect(launches(fixture.handle(.launchWaits(id))) == []) }
    // Another client's is launched at once.
    _ = fixture.create(100, client: 2)
    #expect(fixture.launched.count == 1)
    // Those that end make room; one whose process is left does when that is gone.
    for (index, id) in launched.prefix(8).enumerated() {
      var record = try #require(fixture.book.jobs[id]?.record)
      record.state = .error
      #expect(launches(fixture.handle(.ended(record, isLaunching: index == 7))) == [])
    }
    #expect(launches(fixture.handle(.slowLaunchGone(client: 1))).first == jobs[11])
  }

  private struct Fixture {
    var book: JobBook
    var now = JobBook.Instant(wall: 5_000_000, monotonic: 1_000_000)
    var ticket: UInt64 = 0
    /// By the last creation.
    var launched: [JobID] = []

    init(slots: Int = 1000) { book = JobBook(configuration(running: slots)) }

    mutating func handle(_ event: JobBook.Event) -> [JobBook.Effect] { book.handle(event, at: now) }

    /// The tokens of changes of the store.
    static func tokens(_ effects: [JobBook.Effect]) -> [UInt64] {
      effects.compactMap { effect in
        switch effect {
        case .store(_, let token), .saveResult(_, _, let token): token
        default: nil
        }
      }
    }

    /// Has a job end, and its result on disk.
    mutating func finish(_ id: JobID) -> [JobBook.Effect] {
      var record = book.jobs[id]!.record
      (record.state, record.finished) = (.completed, now.wall)
      return Self.tokens(handle(.ended(record))).flatMap { handle(.stored(token: $0, .saved)) }
    }

    mutating func create(_ number: UInt64, client: Int64 = 1) -> JobID {
      ticket += 1
      let id = JobID(microseconds: now.wall, random: number)
      let creation = ApiRequest.Creation(JobPlan(CreateRequest(cmd: "true")))
      let job = JobBook.NewJob(
        id: id, client: client, clientName: "c", creation: creation, storedBytes: 0,
        caller: Caller(child: 1, ticket: ticket))
      launched = []
      for case .store(_, let token) in handle(.create(job)) {
        for case .launch(let id, _, _, _) in handle(.stored(token: token, .saved)) { launched.append(id) }
      }
      return id
    }
  }

  @Test func aClientsSettingsHoldForJobsThatItCreatesFromThenOn() {
    var (fixture, settings) = (Fixture(), ClientSettings())
    let before = fixture.create(1)
    settings.grace = 7
    _ = fixture.handle(.settings([1: settings]))
    #expect(fixture.book.settings(of: 1) == settings)
    let (after, other) = (fixture.create(2), fixture.create(3, client: 2))
    #expect([before, after, other].map { fixture.book.jobs[$0]!.grace } == [10_000, 7, 10_000])
  }

  @Test func aStartIsToldSoonAndStoredLater() {
    var fixture = Fixture()
    let id = fixture.create(1)
    #expect(fixture.book.nextDeadline == nil)
    _ = fixture.handle(.started(id, pid: 9, at: 5))
    #expect(fixture.book.nextDeadline == fixture.now.monotonic + 10_000)
    fixture.now.monotonic += 9_999
    #expect(fixture.handle(.timePassed) == [])
    fixture.now.monotonic += 1
    let told = fixture.handle(.timePassed)
    #expect(told == [.announce(fixture.book.jobs[id]!.record, pid: 9)])
    #expect(fixture.book.nextDeadline == fixture.now.monotonic + 490_000)
    fixture.now.monotonic += 490_000
    let stored = fixture.handle(.timePassed)
    #expect(stored.contains(.hold(id)) && stored.count == 2)
    #expect(fixture.book.jobs[id]!.isStartStored && fixture.book.nextDeadline == nil)
  }

  /// Results that cannot be saved are tried again a second after the first of them failed, however many fail meanwhile.
  @Test func oneMoreFailureKeepsNoOtherWaiting() {
    var later = JobBook.Later<JobID>(delay: 1000)
    for now in stride(from: Int64(0), through: 900, by: 100) {
      later.add(JobID(high: 0, low: UInt64(now)), now)
      #expect(later.due == 1000)
    }
    #expect(later.take(999).isEmpty && later.take(1000).count == 10 && later.due == .max)
  }

  @Test func aResultThatCannotBeSavedIsTriedAgainAfterASecond() throws {
    var fixture = Fixture()
    let id = fixture.create(1)
    var record = fixture.book.jobs[id]!.record
    record.state = .completed
    guard case .saveResult(_, _, let token) = try #require(fixture.handle(.ended(record)).first) else {
      return #expect(Bool(false), "it is not saved")
    }
    #expect(fixture.handle(.stored(token: token, .failed(StoreError(.full, "full")))) == [])
    #expect(fixture.book.nextDeadline == fixture.now.monotonic + 1_000_000)
    fixture.now.monotonic += 1_000_000
    guard case .saveResult(_, _, let again) = try #require(fixture.handle(.timePassed).first) else {
      return #expect(Bool(false), "it is not saved again")
    }
    let effects = fixture.handle(.stored(token: again, .saved))
    #expect(effects == [.announce(record, pid: 0), .release(id)])
  }

  @Test func anotherClientsJobLooksLikeNone() {
    var fixture = Fixture()
    let id = fixture.create(1, client: 1)
    let caller = Caller(child: 1, ticket: 99)
    #expect(fixture.handle(.delete(id, client: 2, caller)) == [.answer(caller, .refused(.unknownJob))])
    #expect(
      fixture.handle(.stop(id, client: 2, by: "bob", grace: nil, queued: false, caller)) == [
        .answer(caller, .done)
      ])
    #expect(fixture.book.jobs[id]?.deleters.isEmpty == true)
  }

  @Test func aFinishedJobIsDeletedByTheSameRoad() throws {
    var fixture = Fixture()
    let id = JobID(microseconds: 1, random: 1)
    let (first, second) = (Caller(child: 1, ticket: 1), Caller(child: 1, ticket: 2))
    guard
      case .store(let change, let token) = try #require(fixture.handle(.delete(id, client: 4, first)).first)
    else { return #expect(Bool(false), "nothing is stored") }
    #expect(change == .delete(client: 4, id: id) && fixture.book.running == 0)
    #expect(fixture.handle(.delete(id, client: 4, second)) == [])
    let effects = fixture.handle(.stored(token: token, .deleted(hasFiles: false)))
    #expect(
      effects == [
        .announceDeletion(id), .count(.deleted), .answer(first, .done), .answer(second, .done), .release(id),
      ])
  }

  /// A job deleted before it was on disk, whose deletion then fails, has ended all the same.
  @Test func aDeletionThatFailsLeavesNoJobRunning() throws {
    var fixture = Fixture()
    let id = JobID(microseconds: 1, random: 1)
    let caller = Caller(child: 1, ticket: 1)
    let creation = ApiRequest.Creation(JobPlan(CreateRequest(cmd: "true")))
    let effects = fixture.handle(
      .create(
        JobBook.NewJob(
          id: id, client: 1, clientName: "c", creation: creation, storedBytes: 0, caller: caller)))
    guard case .store(_, let created) = try #require(effects.first) else { return #expect(Bool(false)) }
    #expect(fixture.handle(.delete(id, client: 1, caller)) == [])
    let deletion = fixture.handle(.stored(token: created, .saved))
    guard case .store(.delete, let deleted) = try #require(deletion.last) else { return #expect(Bool(false)) }
    let failed = fixture.handle(.stored(token: deleted, .failed(StoreError(.full, "full"))))
    guard case .saveResult(let record, _, _) = try #require(failed.dropFirst().first) else {
      return #expect(Bool(false), "\(failed)")
    }
    #expect(record.state == .error && record.error == "the job was stopped before it was started")
  }

  /// A job that ended by itself while its deletion was asked for has ended for everybody, also when that fails.
  @Test func anEndIsToldAlsoWhenADeletionFailsAfterIt() throws {
    var fixture = Fixture()
    let id = fixture.create(1)
    var record = fixture.book.jobs[id]!.record
    record.state = .completed
    guard case .saveResult(_, _, let saved) = try #require(fixture.handle(.ended(record)).first) else {
      return #expect(Bool(false))
    }
    #expect(fixture.handle(.delete(id, client: 1, nil)) == [])
    let effects = fixture.handle(.stored(token: saved, .saved))
    #expect(effects.first == .announce(record, pid: 0))
    guard case .store(_, let deletion) = try #require(effects.last) else { return #expect(Bool(false)) }
    #expect(fixture.handle(.stored(token: deletion, .failed(StoreError(.full, "full")))) == [.release(id)])
  }

  /// While the daemon drains, nothing is launched any more, and what runs goes on.
  @Test func whatWaitsIsNotLaunchedOnceTheDaemonStops() throws {
    var fixture = Fixture()
    let first = (0..<8).map { fixture.create(UInt64($0)) }
    let waiting = fixture.create(8)
    let requeued = fixture.handle(.stopping)
    let effects = fixture.handle(.started(first[0], pid: 1, at: 1))
    #expect(!effects.contains { if case .launch = $0 { true } else { false } })
    guard case .store(.requeue(let record, _, _), _) = try #require(requeued.first) else {
      return #expect(Bool(false), "it does not wait for the next daemon")
    }
    #expect(record.id == waiting && requeued.count == 1)
    #expect(fixture.book.jobs[first[1]]?.record.state == .running)
  }

  /// However many launches cannot be begun, one after the other.
  @Test func everyLaunchMayFailAtOnce() {
    var fixture = Fixture()
    var open: [JobBook.Effect] = []
    let ids = (0..<1000).map { fixture.create(UInt64($0)) }
    for id in ids.prefix(8) { open += fixture.handle(.notLaunched(id, why: "no descriptors")) }
    var failed = 8
    while let effect = open.popLast() {
      guard case .launch(let id, _, _, _) = effect else { continue }
      failed += 1
      open += fixture.handle(.notLaunched(id, why: "no descriptors"))
    }
    #expect(failed == 1000)
  }

  @Test func whatTheStoreDoesNotKnowIsNotThere() throws {
    var fixture = Fixture()
    let id = JobID(microseconds: 1, random: 1)
    let caller = Caller(child: 1, ticket: 1)
    for (outcome, refusal) in [
      (StoreOutcome.notFound, Refusal.unknownJob),
      (
        .failed(StoreError(.full, "full")), Refusal(reason: .noSpace, text: "the job cannot be deleted: full")
      ),
    ] {
      guard case .store(_, let token) = try #require(fixture.handle(.delete(id, client: 4, caller)).first)
      else {
        return #expect(Bool(false), "nothing is stored")
      }
      let effects = fixture.handle(.stored(token: token, outcome))
      #expect(effects == [.answer(caller, .refused(refusal)), .release(id)])
      #expect(fixture.book.jobs.isEmpty)
    }
  }

  @Test func clientsTakeTurnsToBeLaunched() {
    var fixture = Fixture()
    let first = (0..<8).map { fixture.create(UInt64($0)) }
    let waiting = (8..<12).map { fixture.create(UInt64($0)) }
    let other = fixture.create(100, client: 2)
    #expect(first.allSatisfy { !fixture.book.jobs[$0]!.isWaiting })
    #expect((waiting + [other]).allSatisfy { fixture.book.jobs[$0]!.isWaiting })
    var order: [JobID] = []
    for id in first {
      for case .launch(let next, _, _, _) in fixture.handle(.started(id, pid: 1, at: 1)) {
        order.append(next)
      }
    }
    #expect(order.firstIndex(of: other)! <= 1 && order.count == 5)
  }

  @Test func jobsThatAreLostAreStoredBeforeAnyoneIsServed() throws {
    var fixture = Fixture()
    #expect(fixture.handle(.lost([])) == [.lostAreStored])
    var records = [JobRecord(id: JobID(microseconds: 1, random: 1), client: 1, created: 1)]
    records.append(JobRecord(id: JobID(microseconds: 1, random: 2), client: 2, created: 1))
    for index in records.indices { records[index].state = .error }
    let effects = fixture.handle(.lost(records))
    let tokens = effects.compactMap { if case .saveResult(_, _, let token) = $0 { token } else { nil } }
    #expect(tokens.count == 2 && fixture.book.running == 0)
    let failed = fixture.handle(.stored(token: tokens[0], .failed(StoreError(.full, "full"))))
    #expect(!failed.contains(.lostAreStored))
    #expect(fixture.handle(.stored(token: tokens[1], .saved)).last == .lostAreStored)
    fixture.now.monotonic += 1_000_000
    #expect(fixture.handle(.timePassed).count == 1, "the other is tried again")
  }

  /// Whether it waits is decided where jobs are started.
  @Test func whatWasStartedIsNotTakenOutOfItsQueue() throws {
    var fixture = Fixture()
    let ids = (0..<9).map { fixture.create($0) }
    let caller = Caller(child: 1, ticket: 99)
    func stopQueued(_ id: JobID) -> [JobBook.Effect] {
      fixture.handle(.stop(id, client: 1, by: "alice", grace: nil, queued: true, caller))
    }
    let begun = [JobBook.Effect.answer(caller, .refused(.hasStarted))]
    _ = stopQueued(ids[8])
    #expect(fixture.book.jobs[ids[8]]?.record.error == "the job was stopped before it was started")
    #expect(stopQueued(ids[0]) == begun, "it is being launched")
    _ = fixture.handle(.started(ids[0], pid: 1, at: fixture.now.wall))
    #expect(stopQueued(ids[0]) == begun && fixture.book.jobs[ids[0]]?.record.endedBy == nil)
    _ = fixture.finish(ids[0])
    #expect(!Self.isRefused(caller, stopQueued(ids[0])), "it has ended")
    var (other, second, _) = try Self.takenOut()
    let stop = JobBook.Event.stop(second, client: 1, by: "alice", grace: nil, queued: true, caller)
    #expect(other.handle(stop) == [], "it is not launched, but stopped")
  }

  @Test func whoStoppedAJobIsKept() {
    var fixture = Fixture()
    let ids = (0..<9).map { fixture.create($0) }
    let (running, waiting) = (ids[0], ids[8])
    let (first, second) = (Caller(child: 1, ticket: 98), Caller(child: 1, ticket: 99))
    #expect(fixture.book.jobs[waiting]!.record.launched == 0)
    _ = fixture.handle(.stop(waiting, client: 1, by: "alice", grace: nil, queued: false, first))
    #expect(fixture.book.jobs[waiting]?.record.endedBy == .stop)
    #expect(fixture.book.jobs[waiting]?.record.stoppedBy?.client == "alice")
    _ = fixture.handle(.started(running, pid: 1, at: fixture.now.wall))
    fixture.now.wall += 5
    let asked = fixture.now.wall
    _ = fixture.handle(.stop(running, client: 1, by: "alice", grace: nil, queued: false, first))
    fixture.now.wall += 5
    _ = fixture.handle(.stop(running, client: 1, by: "bob", grace: 0, queued: false, second))
    let record = fixture.book.jobs[running]!.record
    #expect((record.endedBy, record.stopper, record.stopAsked) == (.stop, "alice", asked))
    #expect(record.launched == record.created)
    _ = fixture.handle(.stopping)
    _ = fixture.handle(.stopAll)
    #expect(fixture.book.jobs[running]!.record.endedBy == .stop)
    #expect(fixture.book.jobs[ids[1]]!.record.endedBy == .shutdown)
    #expect(fixture.book.jobs[ids[1]]!.record.stopAsked == fixture.now.wall)
  }

  /// A result is saved before the daemon is gone, whoever ends what is left elsewhere.
  @Test func aDaemonThatHurriesDoesNotWaitForCleanups() throws {
    var fixture = Fixture()
    let id = fixture.create(1)
    _ = fixture.handle(.started(id, pid: 7, at: 5))
    _ = fixture.handle(.stopping)
    _ = fixture.handle(.stopAll)
    _ = fixture.handle(.killAll)
    var record = try #require(fixture.book.jobs[id]?.record)
    (record.state, record.cleanup) = (.completed, .pending)
    let effects = fixture.handle(.ended(record))
    #expect(
      effects.contains {
        if case .saveResult(let saved, _, _) = $0 { saved.cleanup == .pending } else { false }
      })
  }

  /// What is to be on record of a cleanup is tried until the disk takes it.
  @Test func theEndOfACleanupIsNotLost() throws {
    var fixture = Fixture()
    let id = JobID(high: 1, low: 2)
    let noted = fixture.handle(.cleaned(id, client: 1, error: "it failed before"))
    let change = StoreChange.cleaned(client: 1, id: id, error: "it failed before")
    guard case .store(change, let token) = try #require(noted.first) else {
      return #expect(Bool(false), "it is not stored")
    }
    #expect(fixture.handle(.stored(token: token, .failed(StoreError(.full, "full")))).isEmpty)
    let due = try #require(fixture.book.nextDeadline)
    fixture.now.monotonic = due
    guard case .store(change, let again) = try #require(fixture.handle(.timePassed).first) else {
      return #expect(Bool(false), "it is not stored again")
    }
    #expect(fixture.handle(.stored(token: again, .saved)).isEmpty && fixture.book.nextDeadline == nil)
  }

  @Test func aJobThatWaitsIsNotLaunchedOnceItIsStopped() {
    var fixture = Fixture()
    for number in 0..<8 { _ = fixture.create(UInt64(number)) }
    let id = fixture.create(8)
    let caller = Caller(child: 1, ticket: 99)
    let effects = fixture.handle(.stop(id, client: 1, by: "alice", grace: nil, queued: false, caller))
    #expect(effects.contains(.inputEnded(id, .inputEnded)))
    #expect(fixture.book.jobs[id]?.record.error == "the job was stopped before it was started")
    _ = fixture.handle(.stopping)
    #expect(fixture.book.jobs.values.allSatisfy { $0.record.state != .error || $0.record.id == id })
    let refused = fixture.handle(
      .create(
        JobBook.NewJob(
          id: JobID(microseconds: 1, random: 1), client: 1, clientName: "c",
          creation: ApiRequest.Creation(JobPlan(CreateRequest(cmd: "true"))), storedBytes: 0, caller: caller))
    )
    #expect(refused == [.answer(caller, .refused(.stopping))])
  }

  private static let full = StoreOutcome.failed(StoreError(.full, "full"))

  private static func dequeues(_ effects: [JobBook.Effect]) -> [JobID] {
    effects.compactMap { if case .store(.dequeue(_, let id), _) = $0 { id } else { nil } }
  }

  private static func isRefused(_ caller: Caller, _ effects: [JobBook.Effect]) -> Bool {
    effects.contains { if case .answer(caller, .refused) = $0 { true } else { false } }
  }

  /// A job that waited, and is being taken out of its queue by the change with this token.
  private static func takenOut() throws -> (Fixture, JobID, UInt64) {
    var fixture = Fixture(slots: 1)
    let first = fixture.create(1)
    let second = fixture.create(2)
    let token = try #require(Fixture.tokens(fixture.finish(first)).last)
    return (fixture, second, token)
  }

  /// A job that waits, and could not be deleted or stopped, is launched when it is its turn.
  @Test(arguments: [true, false]) func whatCouldNotBeEndedIsLaunched(isDeletion: Bool) throws {
    var fixture = Fixture(slots: 1)
    let first = fixture.create(1)
    let second = fixture.create(2)
    let caller = Caller(child: 1, ticket: 99)
    let asked = fixture.handle(
      isDeletion
        ? .delete(second, client: 1, caller)
        : .stop(second, client: 1, by: "alice", grace: nil, queued: false, caller))
    #expect(Self.dequeues(fixture.finish(first)) == [])
    let refused = fixture.handle(.stored(token: try #require(Fixture.tokens(asked).first), Self.full))
    #expect(Self.isRefused(caller, refused))
    #expect(Self.dequeues(refused) == [second])
  }

  /// Who is told that a job could not be stopped is not told afterwards that it was.
  @Test func aStopThatIsRefusedIsForgotten() throws {
    var (fixture, second, dequeue) = try Self.takenOut()
    let caller = Caller(child: 1, ticket: 99)
    #expect(fixture.handle(.stop(second, client: 1, by: "alice", grace: nil, queued: false, caller)) == [])
    let refused = fixture.handle(.stored(token: dequeue, Self.full))
    #expect(Self.isRefused(caller, refused))
    #expect(fixture.book.jobs[second]?.record.endedBy == nil && fixture.book.running == 1)
    fixture.now.monotonic += 1_000_000
    #expect(Self.dequeues(fixture.handle(.timePassed)) == [second])
  }

  /// A deletion does not wait for a store that fails.
  @Test func aDeletionWhileTheJobIsTakenOutIsRefusedToo() throws {
    var (fixture, second, dequeue) = try Self.takenOut()
    let caller = Caller(child: 1, ticket: 99)
    #expect(fixture.handle(.delete(second, client: 1, caller)) == [])
    let failed = fixture.handle(.stored(token: dequeue, Self.full))
    let deletion = try #require(Fixture.tokens(failed).first)
    let refused = fixture.handle(.stored(token: deletion, Self.full))
    #expect(Self.isRefused(caller, refused))
    // Where it is in its queue is read again.
    let key = QueueKey(client: 1, name: "")
    #expect((failed + refused).contains(.loadQueue(key)))
    #expect(fixture.book.running == 0 && fixture.book.waiting.count == 1)
    let loaded = fixture.handle(.loaded(key, [QueuePlace(priority: 0, id: second)]))
    #expect(Self.dequeues(loaded) == [second])
  }

  /// It is not told as stopped and launched by the next supervisor.
  @Test func aStopWhileTheJobIsPutBackIsRefused() throws {
    var fixture = Fixture()
    for number in 0..<8 { _ = fixture.create(UInt64(number)) }
    let waiting = fixture.create(8)
    let requeue = fixture.handle(.launchesPaused)
    let caller = Caller(child: 1, ticket: 99)
    #expect(fixture.handle(.stop(waiting, client: 1, by: "alice", grace: nil, queued: false, caller)) == [])
    let effects = fixture.handle(.stored(token: try #require(Fixture.tokens(requeue).first), .saved))
    #expect(Self.isRefused(caller, effects))
    #expect(!effects.contains(.answer(caller, .done)))
  }
}
