import Glibc
import JobAPI
import JobModel
import JobStore
import Platform

/// What the api process asks for.
extension Supervisor {
  func handle(_ order: Order, from child: ApiChild) {
    switch order {
    case .hello: keeper.greet(child)
    case .create(let ticket, let client, let creation):
      create(creation, client: client, for: Caller(child: child, ticket: ticket))
    case .delete(let ticket, let client, let id):
      delete(client, id, for: Caller(child: child, ticket: ticket))
    case .signal(let ticket, let client, let id, let signal, let tree):
      self.signal(client, id, signal, tree: tree, for: Caller(child: child, ticket: ticket))
    case .stop(let ticket, let client, let id, let grace):
      stop(client, id, grace: grace, for: Caller(child: child, ticket: ticket))
    case .input(let ticket, let client, let id, let offset, let bytes, let close):
      input(client, id, bytes, at: offset, close: close, for: Caller(child: child, ticket: ticket))
    case .watch(let id):
      if let job = jobs[id] { progress.watch(job, child) }
    case .unwatch(let id):
      if let job = jobs[id] { progress.unwatch(job, child) }
    case .drained:
      keeper.drained(child)
      upgrade?.apiDrained()
      shutdown?.handle(.progress)
    }
  }

  private func create(_ creation: Order.Creation, client name: String, for caller: Caller) {
    guard shutdown == nil else { return caller.refuse(.stopping) }
    let client = clientNumber(of: name)
    let now = Clock.microseconds()
    if let refusal = creation.spec.refusal ?? limitReached(client) { return caller.refuse(refusal) }
    let id = JobID(microseconds: now, random: UInt64.random(in: 0...UInt64.max))
    let record = JobRecord(id: id, client: client, created: now)
    let job = LiveJob(self, record: record, creation: creation, creator: caller)
    jobs[id] = job
    let change = StoreChange.create(
      record, clientName: name, spec: creation.encodedSpec, idempotency: creation.idempotency)
    enqueue(change, then: .creation(job))
  }

  private func clientNumber(of name: String) -> Int64 {
    let number = store.clientNumber(for: name)
    if clients.updateValue(name, forKey: number) == nil { keeper.broadcast(.client(id: number, name: name)) }
    return number
  }

  private func limitReached(_ client: Int64) -> Refusal? {
    guard jobs.count < configuration.maxRunningJobs else {
      counts.add(.refusedRunningJobs)
      return Refusal(
        reason: .unavailable,
        text: "\(configuration.maxRunningJobs) jobs run, the most this daemon runs at once")
    }
    return limits.create(client, stored: store.totals(of: client).bytes, now: Clock.monotonic(), counts)
  }

  /// The job in hand, if it is this client's.
  private func job(_ client: Int64, _ id: JobID) -> LiveJob? {
    guard let job = jobs[id], job.record.client == client else { return nil }
    return job
  }

  private func delete(_ client: Int64, _ id: JobID, for caller: Caller) {
    if let job = job(client, id) {
      job.deleters.append(caller)
      return handle(.deleteAsked, for: job)
    }
    guard jobs[id] == nil else { return caller.refuse(.unknownJob) }
    remove(client, id)?.callers.append(caller) ?? caller.refuse(.unknownJob)
  }

  /// Begins to delete a job that has finished; nil when the id is another client's.
  @discardableResult
  func remove(_ client: Int64, _ id: JobID) -> Removal? {
    if let removal = removals[id] { return removal.client == client ? removal : nil }
    let removal = Removal(client: client, id: id)
    removals[id] = removal
    enqueue(.delete(client: client, id: id), then: .removal(removal))
    return removal
  }

  private func signal(_ client: Int64, _ id: JobID, _ signal: Int32, tree: Bool, for caller: Caller) {
    guard let job = job(client, id), job.lifecycle.isActive else { return caller.refuse(.ended) }
    guard let running = job.running, job.pid != 0 else {
      return caller.refuse(Refusal(reason: .conflict, text: "the job has not started yet"))
    }
    switch running.signal(signal, tree: tree) {
    case 0: caller.answerDone()
    case -EINVAL: caller.refuse(Refusal(reason: .invalid, text: "there is no signal \(signal)"))
    case let error where error == -ESRCH: caller.refuse(.ended)
    case let error: caller.refuse(Refusal(reason: .failed, text: SystemError.text(of: -error)))
    }
  }

  /// Requests to stop a job that wait for its end at once: those of clients that went away meanwhile are among them.
  private static let mostStoppers = 64

  /// Answered when the job has ended and its result is on disk; at once when that was so before.
  private func stop(_ client: Int64, _ id: JobID, grace: UInt64?, for caller: Caller) {
    guard let job = job(client, id) else { return caller.answerDone() }
    guard job.stoppers.count < Self.mostStoppers else {
      let text = "more than \(Self.mostStoppers) requests wait for this job's end"
      return caller.refuse(Refusal(reason: .tooMany, text: text))
    }
    job.stoppers.append(caller)
    stop(job, grace: grace ?? job.grace)
  }

  private func input(
    _ client: Int64, _ id: JobID, _ bytes: [UInt8], at offset: UInt64?, close: Bool, for caller: Caller
  ) {
    guard let job = job(client, id), job.takesInput else { return caller.refuse(.inputEnded) }
    job.input.add(bytes, at: offset, close: close, giver: caller, sink: job.running)
    deposits.inputMoved(of: job)
  }
}
