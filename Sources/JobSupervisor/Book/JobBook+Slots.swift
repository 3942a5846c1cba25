import JobAPI
import JobModel
import JobStore

/// Slots, and the jobs that wait for one.
extension JobBook {
  /// Whether a job of that client and queue may be launched now; else it waits.
  func mayLaunch(_ client: Int64, _ key: QueueKey, slots: Int) -> Bool {
    !launches.isPaused && running < configuration.maxRunningJobs && limits.mayRun(client)
      && waiting.isFree(key, slots: slots)
  }

  mutating func takeSlot(_ id: JobID, _ key: QueueKey) {
    jobs[id]!.slot = key
    running += 1
    limits.began(key.client, now: now.monotonic)
    waiting.began(key)
  }

  mutating func freeSlot(of job: Entry) {
    guard let key = job.slot else { return }
    running -= 1
    limits.ended(key.client, now: now.monotonic)
    waiting.ended(key)
  }

  /// Has jobs that wait launched while there are slots.
  mutating func fillSlots() {
    guard !launches.isPaused else { return }
    while running < configuration.maxRunningJobs,
      let next = waiting.next(where: { limits.mayRun($0) }, isLeaving: { jobs[$0] != nil })
    {
      dequeue(next.id, next.key.client)
      takeSlot(next.id, next.key)
    }
    for key in waiting.takeLoads() { effects.append(.loadQueue(key)) }
  }

  mutating func loaded(_ key: QueueKey, _ places: [QueuePlace]?) {
    guard let places else {
      waiting.notLoaded(key)
      return unloaded.add(key, now.monotonic)
    }
    waiting.loaded(key, places) { jobs[$0]?.slot != nil }
  }

  mutating func noteArrival(of job: Entry, isStored: Bool) {
    guard let plan = (job.creation ?? job.run?.creation)?.plan else { return }
    let key = QueueKey(client: job.record.client, plan)
    if job.record.isQueued {
      let place = QueuePlace(priority: plan.priority, id: job.record.id)
      waiting.arrived(key, isStored ? place : nil)
    }
    if isStored { waiting.set(plan.queueSlots, of: key) }
  }

  /// Takes a job out of its queue, to launch or to stop it.
  mutating func dequeue(_ id: JobID, _ client: Int64) {
    jobs[id] = entry(JobRecord(id: id, client: client, created: 0), .dequeuing)
    saveDequeue(id)
  }

  mutating func saveDequeue(_ id: JobID) {
    guard let client = jobs[id]?.record.client else { return }
    effects.append(.store(.dequeue(client: client, id: id), token: token(for: .dequeue(id))))
  }

  mutating func dequeueStored(_ id: JobID, _ outcome: StoreOutcome) {
    guard let job = jobs[id] else { return }
    switch outcome {
    case .dequeued(let record, let creation): dequeued(job, record, creation)
    case .failed(let error):
      refuseStops(of: id, Refusal("the job cannot be stopped", error))
      if let key = job.slot, job.lifecycle.deleteAsked {
        // It is where it was, for its deletion to be tried.
        freeSlot(of: job)
        jobs[id]!.slot = nil
        waiting.putBack(key)
      }
      if jobs[id]!.slot != nil { unsaved.add(id, now.monotonic) } else { advance(id, .notThere) }
    default: advance(id, .notThere)
    }
  }

  /// It goes on as if nobody had asked for its end.
  private mutating func refuseStops(of id: JobID, _ refusal: Refusal) {
    for caller in jobs[id]!.stoppers { refuse(caller, refusal) }
    jobs[id]!.stoppers = []
    (jobs[id]!.record.endedBy, jobs[id]!.record.stopper, jobs[id]!.record.stopAsked) = (nil, nil, 0)
  }

  private mutating func dequeued(_ job: Entry, _ record: JobRecord, _ creation: ApiRequest.Creation) {
    let id = record.id
    (jobs[id]!.record, jobs[id]!.creation, jobs[id]!.grace) = (
      record, creation, grace(creation.plan, record.client)
    )
    if job.record.stopAsked != 0 {
      jobs[id]!.record.noteStop(by: job.record.stopper, at: job.record.stopAsked)
    }
    jobs[id]!.inputBytes = creation.extraBytes
    limits.hold(record.client, input: jobs[id]!.inputBytes, now: now.monotonic)
    if job.slot == nil { waiting.remove(QueueKey(client: record.client, creation.plan), id) }
    // Should its deletion fail, what is left of it is a job that has ended.
    if job.lifecycle.deleteAsked { giveUp(id, Self.stopped) }
    advance(id, .dequeued)
  }

  mutating func admit(_ id: JobID) {
    guard let job = jobs[id], let creation = job.creation else { return }
    if !job.stoppers.isEmpty {
      notLaunched(id, Self.stoppedInQueue)
    } else if launches.isPaused {
      advance(id, .requeueAsked)
    } else {
      effects.append(.admit(job.record, creation, waited: max(0, now.wall - job.record.created)))
    }
  }

  mutating func admitted(_ id: JobID, _ refusal: Refusal?) {
    guard let job = jobs[id], job.isWaiting else { return }
    if let refusal { return notLaunched(id, "it waited, and may not be started any more: \(refusal.text)") }
    launches.add(id, of: job.record.client)
    launchNext()
  }

  /// What is not launched yet waits, for this daemon or for the next.
  mutating func pauseLaunches() {
    launches.isPaused = true
    launches.removeAll()
    storeUnstored()
    for job in jobs.values where job.isWaiting { advance(job.record.id, .requeueAsked) }
  }

  mutating func saveRequeue(_ id: JobID) {
    guard let job = jobs[id], let creation = job.creation else { return }
    let slots = waiting.slots(of: QueueKey(client: job.record.client, creation.plan))
    effects.append(.store(.requeue(job.record, creation, slots: slots), token: token(for: .requeue(id))))
  }

  mutating func requeueStored(_ id: JobID, _ outcome: StoreOutcome) {
    guard let job = jobs[id], let plan = job.creation?.plan else { return }
    guard outcome == .saved else {
      giveUp(id, "the daemon stopped before it was started, and it could not be made to wait")
      effects += [.count(.failed), .inputEnded(id, .inputEnded)]
      return advance(id, .notRequeued)
    }
    let refusal = Refusal(reason: .unavailable, text: "the daemon is being replaced")
    refuseStops(of: id, refusal)
    jobs[id]!.record.isQueued = true
    // Its deletion may be under way, and fail: it is one that waits, not one that was taken to be launched.
    freeSlot(of: job)
    jobs[id]!.slot = nil
    waiting.add(QueueKey(client: job.record.client, plan), QueuePlace(priority: plan.priority, id: id))
    effects.append(.inputEnded(id, refusal))
    advance(id, .requeued)
  }
}
