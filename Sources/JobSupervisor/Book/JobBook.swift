import JobAPI
import JobModel
import JobStore
import Platform

/// The book of the jobs that are not over, and of deletions under way: their lifecycles, limits, the queue of launches,
/// changes on their way to the disk, and what is due later. A value without I/O: told what happened and when, it
/// says what to do.
struct JobBook {
  var jobs: [JobID: Entry] = [:]
  /// Jobs that have a slot.
  var running = 0
  var waiting = WaitingJobs()
  var limits: ClientLimits
  var launches: LaunchQueue
  /// What waits for the store: each change that is queued has a token.
  private var pending: [UInt64: Change] = [:]
  private var lastToken: UInt64 = 0
  /// Jobs whose start the api process is not told yet, and those whose start is not stored yet: most end before that is
  /// worth a message, or a change, of its own.
  private var unannounced = Later<JobID>(delay: 10_000)
  private var unstored = Later<JobID>(delay: 500_000)
  /// Jobs whose result could not be saved, or that could not be taken out of their queue; queues that could not be read.
  var unsaved = Later<JobID>(delay: 1_000_000)
  var unloaded = Later<QueueKey>(delay: 1_000_000)
  var unnoted = Later<CleanupNote>(delay: 1_000_000)
  /// Jobs of run requests that are to be stored if they last, or are not launched soon; those that wait for a slot, those
  /// that have ended and go with their delivery, and what nobody took.
  var unkept = Fifo<(due: Int64, id: JobID)>()
  var unlaunched = Fifo<(due: Int64, id: JobID)>()
  var waitingRuns: [JobID: WaitingRun] = [:]
  var toDeliver: [JobID: Receiver] = [:]
  var undelivered = Fifo<(due: Int64, id: JobID, client: Int64)>()
  /// Jobs of an earlier daemon whose end was not tried to be stored yet.
  private var lostLeft = 0
  private(set) var isStopping = false
  private(set) var isHurrying = false
  /// When ``Event/timePassed`` is due, on the monotonic clock; nil: not at all.
  private(set) var nextDeadline: Int64?
  var effects: [Effect] = []
  var now = Instant(wall: 0, monotonic: 0)
  let configuration: Configuration

  init(_ configuration: Configuration) {
    self.configuration = configuration
    limits = ClientLimits(configuration)
    launches = LaunchQueue(launchers: configuration.launchers)
  }

  /// Whether a change is on its way to the disk.
  var hasPending: Bool { !pending.isEmpty }
  /// Jobs whose result is not on disk; those lost with an earlier supervisor are lost again, and no worse for it.
  var unfinished: [JobID] { jobs.values.filter(\.isUnfinished).map(\.record.id) }
  var hasUnfinished: Bool { jobs.values.contains(where: \.isUnfinished) }
  var hasActive: Bool { jobs.values.contains { $0.lifecycle.isActive } }

  /// Nothing is being launched, deleted or saved: each job in hand runs.
  var isSettled: Bool {
    pending.isEmpty
      && jobs.values.allSatisfy { $0.lifecycle.state == .running && !$0.lifecycle.deleteAsked }
  }

  /// What holds for a client.
  func settings(of client: Int64) -> ClientSettings { limits.settings(of: client) }

  mutating func handle(_ event: Event, at instant: Instant) -> [Effect] {
    now = instant
    switch event {
    case .settings(let clients):
      for (client, settings) in clients {
        limits.set(settings, for: client)
        waiting.giveTurn(client)
      }
    case .create(let job): create(job)
    case .delete(let id, let client, let caller): delete(id, client, caller)
    case .stop(let id, let client, let name, let grace, let queued, let caller):
      stop(id, client, name, grace, queued, caller)
    case .stored(let token, let outcome): stored(token, outcome)
    case .delivered(let ids, let client, let isWhole, let child): delivered(ids, client, isWhole, child)
    case .callersGone(let child): callersGone(child)
    case .outputFull(let id): advance(id, .storeAsked)
    case .outputCut(let record): jobs[record.id]?.record = record
    case .launchWaits(let id): launchWaits(id)
    case .started(let id, let pid, let at): started(id, pid, at)
    case .ended(let record, let isLaunching, let holdsOutput): ended(record, isLaunching, holdsOutput)
    case .slowLaunchGone(let client): slowLaunchEnded(client)
    case .runnerFailed(let id, let client, let text): runnerFailed(id, client, text)
    case .cleaned(let id, let client, let error): cleaned(id, client, error)
    case .notCleaned(let id, let failure): notCleaned(id, failure)
    case .notLaunched(let id, let why): notLaunched(id, why)
    case .adopted(let record, let plan, let pid, let isStartStored): adopt(record, plan, pid, isStartStored)
    case .waiting(let queues): for queue in queues { waiting.restore(queue) }
    case .loaded(let key, let places): loaded(key, places)
    case .admitted(let id, let refusal): admitted(id, refusal)
    case .launchesPaused:
      pauseLaunches()
      leaveCleaning()
    case .launchesResumed: launches.isPaused = isStopping
    case .lost(let records): lose(records)
    case .stopping:
      isStopping = true
      pauseLaunches()
    case .stopAll:
      for job in jobs.values {
        noteStop(job.record.id, by: nil)
        stop(job.record.id, grace: job.grace)
      }
    case .killAll:
      for job in jobs.values where job.lifecycle.isActive { effects.append(.stop(job.record.id, grace: 0)) }
      isHurrying = true
      leaveCleaning()
    case .timePassed: timePassed()
    }
    fillSlots()
    forgetEndedRuns()
    findDeadline()
    defer { effects = [] }
    return effects
  }

  private mutating func findDeadline() {
    let next = min(
      unannounced.due, unstored.due, unsaved.due, unloaded.due, unnoted.due, unkept.first?.due ?? .max,
      unlaunched.first?.due ?? .max, undelivered.first?.due ?? .max)
    nextDeadline = next == .max ? nil : next
  }

  static let stopped = "the job was stopped before it was started"
  static let stoppedInQueue = "stopped while it waited"

  // MARK: What is asked

  private mutating func create(_ new: NewJob) {
    guard !isStopping else { return refuse(new.caller, .stopping) }
    let (creation, key) = (new.creation, QueueKey(client: new.client, new.creation.plan))
    let waits = !mayLaunch(new.client, key, slots: creation.plan.queueSlots)
    if let reached = limitReached(new, waits, key) { return beyond(reached, new) }
    var record = JobRecord(id: new.id, client: new.client, created: now.wall)
    record.isQueued = waits
    if new.mayLeave { record.flags.insert(.mayLeave) }
    let run = Run(new)
    var job = Entry(
      record, Self.lifecycle(run, waits, isStoredFirst: creation.plan.runner != nil),
      grace: grace(creation.plan, new.client))
    (job.creation, job.creator, job.inputBytes) = (creation, new.caller, creation.extraBytes)
    job.run = run
    jobs[new.id] = job
    if waits { waiting.arrives(key) } else { takeSlot(new.id, key) }
    if let run, job.lifecycle.state == .launching { return launchBeside(new.id, run) }
    effects.append(
      .store(.create(record, clientName: new.clientName, creation), token: token(for: .creation(new.id))))
  }

  func grace(_ plan: JobPlan, _ client: Int64) -> UInt64 {
    plan.grace ?? UInt64(settings(of: client).grace)
  }

  private mutating func limitReached(_ new: NewJob, _ waits: Bool, _ key: QueueKey) -> ClientLimits.Reached? {
    if let refusal = new.refusal { return ClientLimits.Reached(refusal) }
    guard waiting.hasRoom(for: key) else {
      let text = "\(WaitingJobs.mostQueues) of your named queues are in use, the most that may"
      return ClientLimits.Reached(.refusedClientQueuedJobs, text)
    }
    if waits,
      let reached = limits.waitRefusal(
        new.client, waiting: waiting.count(of: new.client), of: waiting.count)
    {
      return reached
    }
    return limits.create(
      new.client, stored: new.storedBytes, input: new.creation.extraBytes, now: now.monotonic)
  }

  /// One that repeats a request is answered all the same: its job may be what the limit counts.
  private mutating func beyond(_ reached: ClientLimits.Reached, _ new: NewJob) {
    guard let idempotency = new.creation.idempotency else { return refuse(new.caller, reached) }
    let record = JobRecord(id: new.id, client: new.client, created: now.wall)
    effects.append(.store(.find(record, idempotency), token: token(for: .search(new.caller, reached))))
  }

  private mutating func searched(_ caller: Caller, _ reached: ClientLimits.Reached, _ outcome: StoreOutcome) {
    switch outcome {
    case .existing(let earlier): effects.append(.answer(caller, .created(earlier)))
    case .keyReused: refuse(caller, .keyReused)
    case .failed(let error): refuse(caller, Refusal("the Idempotency-Key cannot be looked up", error))
    default: refuse(caller, reached)
    }
  }

  mutating func refuse(_ caller: Caller, _ reached: ClientLimits.Reached) {
    if let counter = reached.counter { effects.append(.count(counter)) }
    refuse(caller, reached.refusal)
  }

  /// One that is not in the book has finished before, or is not there at all: the store knows.
  mutating func delete(_ id: JobID, _ client: Int64, _ caller: Caller?) {
    if jobs[id] == nil { jobs[id] = entry(JobRecord(id: id, client: client, created: 0), .saved) }
    guard jobs[id]!.record.client == client else { return refuse(caller, .unknownJob) }
    if let caller { jobs[id]!.deleters.append(caller) }
    advance(id, .deleteAsked)
  }

  /// Requests to stop a job that wait for its end at once: those of clients that went away meanwhile are among them.
  private static let mostStoppers = 64

  /// Answered when the job has ended and its result is on disk; at once when that was so before. One that is not in the
  /// book may wait for a slot: the store knows. `queued`: not once it was handed to the engine.
  private mutating func stop(
    _ id: JobID, _ client: Int64, _ name: String, _ grace: UInt64?, _ queued: Bool, _ caller: Caller
  ) {
    if jobs[id] == nil { dequeue(id, client) }
    guard let job = jobs[id], job.record.client == client, !job.lifecycle.isOver else {
      return effects.append(.answer(caller, .done))
    }
    if queued, job.lifecycle.isActive, !job.isWaiting { return refuse(caller, .hasStarted) }
    guard job.stoppers.count < Self.mostStoppers else {
      let text = "more than \(Self.mostStoppers) requests wait for this job's end"
      return refuse(caller, Refusal(reason: .tooMany, text: text))
    }
    jobs[id]!.stoppers.append(caller)
    noteStop(id, by: name)
    stop(id, grace: grace ?? job.grace)
  }

  /// `client` nil: the daemon stops.
  private mutating func noteStop(_ id: JobID, by client: String?) {
    guard let state = jobs[id]?.lifecycle, state.isActive || state.state == .dequeuing else { return }
    jobs[id]!.record.noteStop(by: client, at: now.wall)
  }

  /// Ends a job. One that waits for its launch is not launched any more.
  private mutating func stop(_ id: JobID, grace: UInt64) {
    guard let job = jobs[id] else { return }
    if job.isWaiting {
      notLaunched(id, Self.stopped)
    } else if job.lifecycle.isActive {
      effects.append(.stop(id, grace: grace))
    }
  }

  // MARK: What happened to a job

  private mutating func started(_ id: JobID, _ pid: Int32, _ at: Int64) {
    jobs[id]?.pid = pid
    // The clock may have been set back since.
    let created = jobs[id]?.record.created ?? 0
    jobs[id]?.record.started = max(at, created)
    effects.append(.count(.started))
    let waited = jobs[id]?.launchWaits == true
    advance(id, .started)
    launchEnded(of: jobs[id]?.record.client, waited: waited)
  }

  private mutating func ended(_ record: JobRecord, _ isLaunching: Bool, _ holdsOutput: Bool) {
    let wasLaunching = jobs[record.id]?.lifecycle.state == .launching
    let waited = jobs[record.id]?.launchWaits == true
    jobs[record.id]?.pid = 0
    jobs[record.id]?.record = record
    advance(
      record.id,
      record.cleanup == .pending ? .finishedUnclean : holdsOutput ? .finishedHolding : .finished)
    if wasLaunching, !isLaunching { launchEnded(of: record.client, waited: waited) }
  }

  /// Without having been handed to the engine, or because that failed.
  mutating func notLaunched(_ id: JobID, _ why: String) {
    guard let job = jobs[id] else { return }
    let wasUnderWay = !job.isWaiting
    giveUp(id, why)
    effects += [.count(.failed), .inputEnded(id, .inputEnded)]
    advance(id, .finished)
    if wasUnderWay { launchEnded(of: job.record.client, waited: job.launchWaits) }
  }

  /// It is launched no more.
  mutating func giveUp(_ id: JobID, _ why: String) {
    jobs[id]?.creation = nil
    jobs[id]?.record.state = .error
    jobs[id]?.record.error = why
    jobs[id]?.record.finished = now.wall
  }

  /// It runs since a predecessor launched it.
  private mutating func adopt(_ record: JobRecord, _ plan: JobPlan, _ pid: Int32, _ isStartStored: Bool) {
    let key = QueueKey(client: record.client, plan)
    var job = Entry(record, JobLifecycle(state: .running), grace: grace(plan, record.client))
    (job.pid, job.isStartStored) = (pid, isStartStored)
    jobs[record.id] = job
    takeSlot(record.id, key)
    waiting.set(plan.queueSlots, of: key)
    if !isStartStored { noteStart(record.id) }
  }

  /// They ran under a supervisor that is gone and could not be adopted. ``Effect/lostAreStored`` follows once the
  /// store has tried all of them.
  private mutating func lose(_ records: [JobRecord]) {
    lostLeft = records.count
    guard lostLeft > 0 else { return effects.append(.lostAreStored) }
    effects.append(.count(.failed, records.count))
    for record in records {
      var job = Entry(record, JobLifecycle(state: .saving), grace: 0)
      (job.isStartStored, job.isLost) = (true, true)
      jobs[record.id] = job
      saveResult(record.id)
    }
  }

  private mutating func timePassed() {
    for id in unannounced.take(now.monotonic) {
      if let job = jobs[id], job.lifecycle.state == .running, job.lifecycle.isAnnounced {
        effects.append(.announce(job.record, pid: job.pid))
      }
    }
    for id in unstored.take(now.monotonic) {
      guard let job = jobs[id], job.lifecycle.state == .running else { continue }
      jobs[id]!.isStartStored = true
      effects += [.store(.started(job.record), token: token(for: .start)), .hold(id)]
    }
    for id in unsaved.take(now.monotonic) {
      switch jobs[id]?.lifecycle.state {
      case .saving: saveResult(id)
      case .dequeuing: saveDequeue(id)
      default: break
      }
    }
    for key in unloaded.take(now.monotonic) { waiting.giveTurn(key.client) }
    for cleanup in unnoted.take(now.monotonic) { note(cleanup) }
    storeLasting()
    dropUndelivered()
  }

  // MARK: Launching

  private mutating func launchEnded(of client: Int64?, waited: Bool) {
    if waited, let client { return slowLaunchEnded(client) }
    launches.launchEnded()
    launchNext()
  }

  private mutating func launchWaits(_ id: JobID) {
    guard let job = jobs[id], job.lifecycle.state == .launching, !job.launchWaits else { return }
    jobs[id]!.launchWaits = true
    launches.launchWaits(of: job.record.client)
    launchNext()
  }

  private mutating func slowLaunchEnded(_ client: Int64) {
    launches.slowLaunchEnded(of: client)
    launchNext()
  }

  mutating func launchNext() {
    while let id = launches.next(where: { jobs[$0]?.isWaiting == true }) {
      let creation = jobs[id]!.creation!
      jobs[id]!.creation = nil
      jobs[id]!.record.launched = max(now.wall, jobs[id]!.record.created)
      launches.launchBegan()
      runBegan(id)
      let holdsOutput = jobs[id]!.lifecycle.storing != .done
      effects.append(.launch(id, creation, grace: jobs[id]!.grace, holdsOutput: holdsOutput))
    }
  }

  private mutating func noteStart(_ id: JobID) {
    unannounced.add(id, now.monotonic)
    unstored.add(id, now.monotonic)
  }

  // MARK: The store

  mutating func token(for change: Change) -> UInt64 {
    lastToken += 1
    pending[lastToken] = change
    return lastToken
  }

  private mutating func saveResult(_ id: JobID) {
    guard let job = jobs[id] else { return }
    effects.append(.saveResult(job.record, isStartStored: job.isStartStored, token: token(for: .result(id))))
  }

  private mutating func stored(_ token: UInt64, _ outcome: StoreOutcome) {
    switch pending.removeValue(forKey: token) {
    case .creation(let id): creationStored(id, outcome)
    case .result(let id): resultStored(id, outcome)
    case .deletion(let id): deletionStored(id, outcome)
    case .search(let caller, let reached): searched(caller, reached, outcome)
    case .dequeue(let id): dequeueStored(id, outcome)
    case .requeue(let id): requeueStored(id, outcome)
    case .cleanup(let note): cleanupStored(note, outcome)
    case .start, nil: break
    }
  }

  private mutating func creationStored(_ id: JobID, _ outcome: StoreOutcome) {
    guard let job = jobs[id] else { return }
    noteArrival(of: job, isStored: outcome == .saved)
    jobs[id]!.run?.creation = nil
    switch outcome {
    case .saved:
      if job.lifecycle.state == .accepting { effects.append(.count(.created)) }
      // Should its deletion fail, what is left of it is a job that has ended.
      if job.lifecycle.state == .accepting, job.lifecycle.deleteAsked { giveUp(id, Self.stopped) }
      return advance(id, .accepted)
    case .existing(let earlier):
      if let creator = job.creator { effects.append(.answer(creator, .created(earlier))) }
    case .keyReused:
      refuse(job.creator, .keyReused)
    case .failed(let error):
      refuse(job.creator, refusal(of: job, error))
    case .notFound, .deleted, .dequeued, .outputLost:
      refuse(job.creator, Refusal(reason: .failed, text: "the job cannot be stored"))
    }
    jobs[id]!.creator = nil
    advance(id, .notAccepted)
  }

  /// A job that was launched meanwhile is not to be tried again, as if nothing had happened.
  private func refusal(of job: Entry, _ error: StoreError) -> Refusal {
    var refusal = Refusal("the job cannot be stored", error)
    if job.lifecycle.state != .accepting, refusal.reason == .unavailable { refusal.reason = .failed }
    return refusal
  }

  private mutating func resultStored(_ id: JobID, _ outcome: StoreOutcome) {
    if case .outputLost(let error) = outcome {
      if jobs[id]?.record.error == nil { jobs[id]?.record.error = "output was lost: \(error)" }
      effects.append(.outputLost(id, error))
    }
    let wasLost = jobs[id]?.isLost == true
    jobs[id]?.isLost = false
    if outcome.isOver, let job = jobs[id] { resultIsThere(of: job) }
    advance(id, outcome.isOver ? .resultSaved : .resultNotSaved)
    guard wasLost else { return }
    lostLeft -= 1
    if lostLeft == 0 { effects.append(.lostAreStored) }
  }

  private mutating func deletionStored(_ id: JobID, _ outcome: StoreOutcome) {
    guard let isSaved = jobs[id]?.lifecycle.isSaved else { return }
    switch outcome {
    case .failed(let error):
      let what =
        isSaved
        ? "the job cannot be deleted" : "the job's processes are gone, but its deletion cannot be stored"
      jobs[id]!.deletionRefusal = Refusal(what, error)
      advance(id, .deletionNotSaved)
    case .notFound where isSaved:
      jobs[id]!.deletionRefusal = .unknownJob
      advance(id, .deletionNotSaved)
    default:
      if case .deleted(let hasFiles, let queue) = outcome {
        jobs[id]!.mayHaveFiles = hasFiles
        if let queue { waiting.remove(QueueKey(client: jobs[id]!.record.client, name: queue), id) }
      }
      advance(id, .deletionSaved)
    }
  }

  // MARK: Lifecycles

  mutating func advance(_ id: JobID, _ event: JobLifecycle.Event) {
    guard let actions = jobs[id]?.lifecycle.handle(event), !actions.isEmpty, let job = jobs[id] else {
      return
    }
    // What is told comes before what is answered: a client that has its answer finds the change in every reply.
    if actions.contains(.announce) { effects.append(.announce(job.record, pid: job.pid)) }
    if actions.contains(.announceStart) { noteStart(id) }
    if actions.contains(.announceLater) { unannounced.add(id, now.monotonic) }
    if actions.contains(.answerCreation), let creator = job.creator {
      effects.append(.answer(creator, .created(id)))
      jobs[id]!.creator = nil
    }
    if actions.contains(.saveCreation) { storeCreation(of: id) }
    if actions.contains(.hurry) { effects.append(.hurryStore) }
    if actions.contains(.dropOutput) { effects.append(.dropOutput(id)) }
    if actions.contains(.keepOutput) { effects.append(.keepOutput(id)) }
    if actions.contains(.deliver) { deliver(id) }
    if actions.contains(.launch) {
      if launches.isPaused { return advance(id, .requeueAsked) }
      launches.add(id, of: job.record.client)
      launchNext()
    }
    if actions.contains(.admit) { admit(id) }
    if actions.contains(.saveRequeue) { saveRequeue(id) }
    if actions.contains(.kill) { stop(id, grace: 0) }
    if actions.contains(.clean) { clean(job.record) }
    if actions.contains(.saveResult) { saveResult(id) }
    if actions.contains(.saveResultLater) { unsaved.add(id, now.monotonic) }
    if actions.contains(.saveDeletion) {
      effects.append(.store(.delete(client: job.record.client, id: id), token: token(for: .deletion(id))))
    }
    if actions.contains(.announceDeletion) { effects.append(.announceDeletion(id)) }
    if actions.contains(.removeFiles) {
      effects.append(.count(.deleted))
      if job.mayHaveFiles, job.lifecycle.storing != .not { effects.append(.removeFiles(id)) }
    }
    if actions.contains(.answerDeletions) { answer(job.deleters, .done) }
    if actions.contains(.refuseDeletions) {
      answer(job.deleters, .refused(job.deletionRefusal ?? .unknownJob))
      jobs[id]!.deleters = []
    }
    if actions.contains(.release) { release(id) }
  }

  private mutating func release(_ id: JobID) {
    guard let job = jobs.removeValue(forKey: id) else { return }
    releaseRun(of: job)
    answer(job.stoppers, .done)
    freeSlot(of: job)
    // While it was in hand it was passed over; it may wait still.
    waiting.giveTurn(job.record.client)
    limits.hold(job.record.client, input: -job.inputBytes, now: now.monotonic)
    effects.append(.release(id))
  }

  mutating func answer(_ callers: [Caller], _ answer: Answer) {
    for caller in callers { effects.append(.answer(caller, answer)) }
  }

  mutating func refuse(_ caller: Caller?, _ refusal: Refusal) {
    if let caller { effects.append(.answer(caller, .refused(refusal))) }
  }
}
