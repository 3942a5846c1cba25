import Glibc
import JobAPI
import JobEngine
import JobModel
import Platform

/// What the api process asks for.
extension Supervisor {
  /// Throws for what no api process of ours sends.
  func asked(_ request: ApiRequest, by child: ApiChild) throws(MalformedBytes) {
    func caller(_ ticket: UInt64) -> Caller { Caller(child: child.number, ticket: ticket) }
    try audit?.begin(request, by: child) { clients[$0] }
    switch request {
    case .hello, .drained, .alive, .failed: break
    case .peer(let number, let peer): try child.add(peer, number)
    case .peerGone(let number): child.forgetPeer(number)
    case .create(let ticket, let by, let creation):
      arrived((creation, try child.peer(by).name, caller(ticket)))
    case .delete(let ticket, _, let client, let id): delete(id, client, caller(ticket))
    case .signal(let ticket, _, let client, let id, let signal, let tree):
      let caller = caller(ticket)
      send(signal, tree: tree, to: id, of: client) { [unowned apis = apis!] in apis.answer(caller, $0) }
    case .resize(let ticket, _, let client, let id, let rows, let columns):
      apis.answer(caller(ticket), resize(id, of: client, rows, columns).map { .refused($0) } ?? .done)
    case .stop(let ticket, let by, let client, let id, let grace, let queued):
      let name = try child.peer(by).name
      handle(.stop(id, client: client, by: name, grace: grace, queued: queued, caller(ticket)))
      audit?.isUnderWay(caller(ticket))
    case .input(let ticket, _, let client, let id, let offset, let bytes, _, let close):
      let caller = caller(ticket)
      input(bytes, at: offset, close: close, for: id, of: client) { [unowned apis = apis!] refusal in
        apis.answer(caller, refusal.map { .refused($0) } ?? .done)
      }
    case .watch(let id):
      if let job = live[id] { progress.watch(job, child) }
    case .unwatch(let id):
      if let job = live[id] { progress.unwatch(job, child) }
    case .delivered(let client, let ids, let isWhole):
      handle(.delivered(ids, client: client, isWhole: isWhole, child: child.number))
    case .usage(let ticket, let ids): usages.add(ids, caller(ticket))
    case .forbidden(let ticket, _, _, _, _): apis.answer(caller(ticket), .done)
    case .notLetIn(let stranger): audit?.tell(AuditEntry(stranger))
    }
  }

  private func arrived(_ asked: CreationTurns.Asked) {
    if creations.takesAtOnce() { return create(asked.creation, asked.name, asked.caller) }
    guard !creations.add(asked, of: clientNumber(of: asked.name)) else { return }
    let text = "more than \(CreationTurns.mostWaiting) of your creations wait to be handled"
    apis.answer(asked.caller, .refused(Refusal(reason: .tooMany, text: text)))
  }

  /// After each round of the loop.
  func takeCreations() {
    for asked in creations.take() {
      // Nobody would be told of the job, nor of its end.
      guard apis.hasChild(of: asked.caller) else {
        let refusal = Refusal(reason: .unavailable, text: "the api process that asked for it is gone")
        apis.answer(asked.caller, .refused(refusal))
        continue
      }
      create(asked.creation, asked.name, asked.caller)
    }
    // There is another round for the others.
    if !creations.isEmpty { loop.post {} }
  }

  private func create(_ creation: ApiRequest.Creation, _ name: String, _ caller: Caller) {
    if creation.secrets != nil { engine.forbidDumps() }
    accounts.find(creation.plan) { [unowned self] answer in
      let job = (creation, client: self.clientNumber(of: name), name)
      do throws(Refusal) {
        if let refusal = self.audit?.refusal { throw refusal }
        let terms = try self.terms(of: creation.plan, creation.openSecrets, job.client)
        if case .failure = answer, let refusal = self.refusal(ofUnknown: creation.plan, job.client) {
          throw refusal
        }
        let found = try answer.get()
        self.create(job, as: found?.identity, self.refusal(as: found, job.client), terms, caller)
      } catch {
        self.create(job, as: nil, error, nil, caller)
      }
    }
  }

  private func create(
    _ job: (creation: ApiRequest.Creation, client: Int64, name: String), as identity: JobIdentity?,
    _ refusal: Refusal?, _ terms: Terms?, _ caller: Caller
  ) {
    var (creation, client, name) = job
    var refusal = refusal
    let now = JobBook.Instant.now
    let id = JobID(microseconds: now.wall, random: UInt64.random(in: 0...UInt64.max))
    do throws(Refusal) {
      creation = try sealed(creation, of: id, client)
    } catch {
      (creation.secrets, creation.idempotency, refusal) = (nil, nil, refusal ?? error)
    }
    addLive(id, of: client, creation.plan, as: identity)
    audit?.note(id, of: caller)
    let job = JobBook.NewJob(
      id: id, client: client, clientName: name, creation: creation,
      storedBytes: store.totals(of: client).bytes,
      refusal: refusal, mayLeave: terms?.runner?.cleanup.isEmpty == false, caller: caller)
    handle(.create(job), at: now)
    guard book.jobs[id] != nil else {
      live[id] = nil
      return
    }
    if let job = live[id] { log.debug("job_accepted", job.fields + ["client": name]) }
    // It is launched beside its creation, and answered when it ends.
    if creation.run != nil { audit?.isUnderWay(caller) }
  }

  /// How a job is launched.
  struct Terms {
    /// What it may use, and what of that this host enforces.
    let limits, local: JobPolicy.Limits
    let runner: Runner?
  }

  /// How a job of the client is launched, unless it may have no such job now, or neither this host nor its runner can.
  func terms(of plan: JobPlan, _ secrets: Secrets?, _ client: Int64) throws(Refusal) -> Terms {
    let settings = book.settings(of: client)
    if let refusal = JobPolicy.refusal(of: plan, settings: settings) { throw refusal }
    let runner = try JobPolicy.runner(
      of: plan, secrets, settings: settings, runners: configuration.runners)
    let limits = JobPolicy.limits(of: plan, settings: settings)
    if let runner, runner.limits == .runner {
      if let refusal = JobPolicy.refusal(of: limits, runner: runner) { throw refusal }
      return Terms(limits: limits, local: (0, 0, 0), runner: runner)
    }
    if let refusal = hostLimits.refusal(of: limits) { throw refusal }
    return Terms(limits: limits, local: limits, runner: runner)
  }

  /// Why no job of the client runs as that now; nil: it may. `found`: of a job that names nobody nil.
  func refusal(as found: Accounts.Found?, _ client: Int64) -> Refusal? {
    found?.refusal(api: apiAccount) ?? JobPolicy.refusal(as: found, settings: book.settings(of: client))
  }

  /// The same of a user that there is not: who may name some users alone is not told which others there are.
  private func refusal(ofUnknown plan: JobPlan, _ client: Int64) -> Refusal? {
    let settings = book.settings(of: client)
    guard let user = plan.user, settings.users?.contains(where: user.isSame) == false else { return nil }
    return JobPolicy.refusal(user: user, settings: settings)
  }

  /// A job that is to have a process.
  func addLive(_ id: JobID, of client: Int64, _ plan: JobPlan, as identity: JobIdentity?) {
    let job = LiveJob(id, of: client, plan, in: directory.output, delegate: self)
    job.identity = identity
    live[id] = job
  }

  private func clientNumber(of name: String) -> Int64 {
    let number = store.clientNumber(for: name)
    if clients.updateValue(name, forKey: number) == nil {
      learnSettings(of: [number: name])
      apis.broadcast(.client(id: number, name: name))
    }
    return number
  }

  private func send(
    _ signal: Int32, tree: Bool, to id: JobID, of client: Int64, answer: @escaping (JobBook.Answer) -> Void
  ) {
    guard let job = book.jobs[id], job.record.client == client, job.lifecycle.isActive else {
      return answer(.refused(.ended))
    }
    guard let live = live[id], let running = live.running, job.pid != 0 else {
      return answer(.refused(.notStarted))
    }
    if live.isSignalledByRunner {
      return signalByRunner(live, signal) { failure in
        answer(failure.map { .refused(Refusal(reason: .unavailable, text: $0)) } ?? .done)
      }
    }
    switch running.signal(signal, tree: tree) {
    case 0: answer(.done)
    case -EINVAL: answer(.refused(Refusal(reason: .invalid, text: "there is no signal \(signal)")))
    case let error where error == -ESRCH: answer(.refused(.ended))
    case let error: answer(.refused(Refusal(reason: .failed, text: SystemError.text(of: -error))))
    }
  }

  /// Why the terminal does not have this size now; nil: it has.
  private func resize(_ id: JobID, of client: Int64, _ rows: UInt16, _ columns: UInt16) -> Refusal? {
    guard let job = book.jobs[id], job.record.client == client, job.lifecycle.isActive else { return .ended }
    guard let live = live[id], live.hasTerminal else { return .noTerminal }
    guard let running = live.running, job.pid != 0 else { return .notStarted }
    switch running.resize(rows: rows, columns: columns) {
    case 0: return nil
    case -ESRCH: return .ended
    case -ENOTTY: return .inputEnded
    case let error: return Refusal(reason: .failed, text: SystemError.text(of: -error))
    }
  }

  private func input(
    _ bytes: [UInt8], at offset: UInt64?, close: Bool, for id: JobID, of client: Int64,
    answer: @escaping InputQueue.Answer
  ) {
    guard let job = live[id], job.takesInput, book.jobs[id]?.record.client == client else {
      return answer(.inputEnded)
    }
    if let reached = inputMemory.refusal(
      client, more: bytes.count, most: book.settings(of: client).memory)
    {
      if let counter = reached.counter { counts.add(counter) }
      return answer(reached.refusal)
    }
    job.input.account = { [inputMemory] in inputMemory.add(client, $0) }
    job.input.add(bytes, at: offset, close: close, sink: job.running, answer: answer)
    heldJobs.inputMoved(of: job)
  }

  /// All an api process must know of the running jobs.
  func announceAll(to child: ApiChild) {
    let jobs = book.jobs.values.filter { $0.lifecycle.isAnnounced && !$0.lifecycle.isSaved }
    for client in Set(jobs.map(\.record.client)) {
      if let name = clients[client] { child.send(.client(id: client, name: name)) }
    }
    for job in jobs {
      child.send(.job(job.lifecycle.isActive ? job.record : job.record.unfinished, pid: job.pid))
    }
  }

  func apiProgressed() {
    upgrade?.apiProgressed()
    advanceShutdown(.progress)
  }

  func apiEnded(_ child: ApiChild) {
    progress.forget(child, in: live)
    handle(.callersGone(child: child.number))
    audit?.forget(child: child.number)
    apiProgressed()
  }
}
