import JobAPI
import JobModel
import JobStore

/// Jobs of run requests: launched beside their creation, answered with their end.
extension JobBook {
  /// What a run request asked for.
  struct Run {
    let caller: Caller
    let clientName: String
    let request: ApiRequest.Run
    /// To be stored, without the input; nil once it was.
    var creation: ApiRequest.Creation?

    init?(_ new: NewJob) {
      guard let request = new.creation.run else { return nil }
      (caller, clientName, self.request) = (new.caller, new.clientName, request)
      creation = ApiRequest.Creation(new.creation.plan, run: request)
    }
  }

  /// Of a new job. `isStoredFirst`: what it leaves elsewhere could not be found without a record of it.
  static func lifecycle(_ run: Run?, _ waits: Bool, isStoredFirst: Bool) -> JobLifecycle {
    guard let run else { return JobLifecycle(waits: waits) }
    let (removes, answersAtEnd) = (run.request.removes, run.request.isAnsweredAtEnd)
    guard !waits, !isStoredFirst else {
      return JobLifecycle(waits: waits, removes: removes, hasReceiver: removes, answersAtEnd: answersAtEnd)
    }
    // One with an open standard input has to be found by who feeds it.
    let isFed = run.creation?.plan.takesInput == true
    return JobLifecycle(
      run: removes && !isFed ? .not : .underway, removes: removes, answersAtEnd: answersAtEnd)
  }

  /// The request for a job that waits for a slot.
  struct WaitingRun {
    let run: Run
    /// Nil once it was answered.
    var creator: Caller?
    var hasReceiver: Bool
  }

  /// The api process that has a client waiting for a result.
  struct Receiver: Equatable {
    let client: Int64
    let child: Int
  }

  /// Microseconds that the job of a run request that removes it may run unstored, and may wait for its launch before.
  static let unstoredTime: Int64 = 100_000
  static let unlaunchedTime: Int64 = 1_000_000
  private static let step: Int64 = 10_000
  /// Microseconds for which the result of one is kept that was not delivered.
  static let undeliveredTime: Int64 = 60_000_000

  static let deleted = Refusal(reason: .conflict, text: "the job was deleted")

  /// The job of a run request for which there is a slot.
  mutating func launchBeside(_ id: JobID, _ run: Run) {
    effects.append(.count(.created))
    if jobs[id]!.lifecycle.storing == .not {
      unlaunched.append((due(after: Self.unlaunchedTime), id))
      if run.request.isEarly { effects.append(.answer(run.caller, .launched(id))) }
    } else {
      storeCreation(of: id)
    }
    launches.add(id, of: jobs[id]!.record.client)
    launchNext()
  }

  /// In steps, so that the timer is not set anew for each job.
  private func due(after time: Int64) -> Int64 {
    let due = now.monotonic + time
    return due + (Self.step - due % Self.step) % Self.step
  }

  /// It has begun to run; the time that it waited for that does not count.
  mutating func runBegan(_ id: JobID) {
    if jobs[id]!.lifecycle.storing == .not { unkept.append((due(after: Self.unstoredTime), id)) }
  }

  mutating func storeCreation(of id: JobID) {
    guard let job = jobs[id], let run = job.run, let creation = run.creation else { return }
    let record = JobRecord(id: id, client: job.record.client, created: job.record.created)
    effects.append(
      .store(
        .create(record, clientName: run.clientName, creation), token: token(for: .creation(id))))
  }

  /// Those that last are stored, and those that wait long.
  mutating func storeLasting() {
    while let first = unkept.first, first.due <= now.monotonic {
      _ = unkept.popFirst()
      advance(first.id, .storeAsked)
    }
    while let first = unlaunched.first, first.due <= now.monotonic {
      _ = unlaunched.popFirst()
      if jobs[first.id]?.isWaiting == true { advance(first.id, .storeAsked) }
    }
  }

  mutating func forgetEndedRuns() {
    // Without a look at the whole entry of those that are there: this is done for each event.
    while let first = unkept.first, jobs.index(forKey: first.id) == nil { _ = unkept.popFirst() }
    while let first = unlaunched.first, jobs.index(forKey: first.id) == nil { _ = unlaunched.popFirst() }
  }

  mutating func storeUnstored() {
    for id in jobs.keys where jobs[id]!.lifecycle.storing == .not { advance(id, .storeAsked) }
  }

  /// Nothing more is to be done for the job than to hand over its result: another may have its slot.
  mutating func deliver(_ id: JobID) {
    guard let job = jobs[id] else { return }
    freeSlot(of: job)
    jobs[id]!.slot = nil
    waiting.giveTurn(job.record.client)
    answer(job.stoppers, .done)
    jobs[id]!.stoppers = []
    if let creator = job.creator { effects.append(.deliver(creator, job.record)) }
    jobs[id]!.creator = nil
  }

  mutating func delivered(_ ids: [JobID], _ client: Int64, _ isWhole: Bool, _ child: Int) {
    for id in ids {
      if jobs[id]?.record.client == client, jobs[id]?.run?.caller.child == child {
        advance(id, isWhole ? .delivered : .notDelivered)
      } else if waitingRuns[id]?.run.caller.child == child {
        waitingRuns[id]?.hasReceiver = false
      } else if toDeliver[id] == Receiver(client: client, child: child) {
        toDeliver[id] = nil
        if isWhole { effects.append(.delete(id, client: client)) } else { keepUndelivered(id, client) }
      }
    }
  }

  /// An api process is gone, and with it whoever waited there.
  mutating func callersGone(_ child: Int) {
    for (id, job) in jobs where job.run?.caller.child == child {
      jobs[id]!.creator = nil
      advance(id, .notDelivered)
    }
    for (id, waiting) in waitingRuns where waiting.run.caller.child == child {
      (waitingRuns[id]!.hasReceiver, waitingRuns[id]!.creator) = (false, nil)
    }
    for (id, receiver) in toDeliver where receiver.child == child {
      toDeliver[id] = nil
      keepUndelivered(id, receiver.client)
    }
  }

  /// It is in the book no more: it waits for a slot, or is over.
  mutating func releaseRun(of job: Entry) {
    guard var run = job.run, run.request.removes || job.creator != nil else { return }
    run.creation = nil
    // One that could not be deleted, or taken out of its queue, waits still.
    let isDeleted = job.lifecycle.state == .removed && job.lifecycle.deleteAsked
    if job.lifecycle.state == .waiting || job.record.created == 0 && !isDeleted {
      waitingRuns[job.record.id] = WaitingRun(
        run: run, creator: job.creator, hasReceiver: job.lifecycle.hasReceiver)
    } else {
      refuse(job.creator, Self.deleted)
    }
  }

  /// A job that is taken in hand again.
  mutating func entry(_ record: JobRecord, _ state: JobLifecycle.State) -> Entry {
    guard let waiting = waitingRuns.removeValue(forKey: record.id) else {
      return Entry(record, JobLifecycle(state: state), grace: 0)
    }
    let lifecycle = JobLifecycle(
      state: state, removes: waiting.run.request.removes, hasReceiver: waiting.hasReceiver,
      answersAtEnd: waiting.creator != nil)
    var job = Entry(record, lifecycle, grace: 0)
    (job.run, job.creator) = (waiting.run, waiting.creator)
    return job
  }

  /// The result of a job that goes with its delivery is on disk: it is kept until it is delivered, or for a while.
  mutating func resultIsThere(of job: Entry) {
    guard job.lifecycle.removes else { return }
    if job.lifecycle.willDeliver, let run = job.run {
      toDeliver[job.record.id] = Receiver(client: job.record.client, child: run.caller.child)
    } else {
      keepUndelivered(job.record.id, job.record.client)
    }
  }

  private mutating func keepUndelivered(_ id: JobID, _ client: Int64) {
    undelivered.append((now.monotonic + Self.undeliveredTime, id, client))
  }

  mutating func dropUndelivered() {
    while let first = undelivered.first, first.due <= now.monotonic {
      _ = undelivered.popFirst()
      effects.append(.delete(first.id, client: first.client))
    }
  }
}
