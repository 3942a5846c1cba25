import CJobEngine
import CPlatform
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// Carries out what the book of jobs says.
extension Supervisor {
  func perform(_ effect: JobBook.Effect) {
    switch effect {
    case .store(let change, let token): store.enqueue(change, token: token)
    case .saveResult(let record, let isStartStored, let token): save(record, isStartStored, token)
    case .launch(let id, let creation, let grace, let holdsOutput):
      launch(id, creation, grace, holdsOutput: holdsOutput)
    case .hurryStore: store.hurry()
    case .keepOutput(let id): keepOutput(id)
    case .dropOutput(let id): live[id]?.running?.dropOutput()
    case .deliver(let caller, let record): deliver(record, to: caller)
    case .admit(let record, let creation, let waited): admit(record, creation, waited: waited)
    case .loadQueue(let key): loadQueue(key)
    case .stop(let id, let grace): live[id]?.running?.stop(grace: grace)
    case .inputEnded(let id, let refusal): live[id]?.input.refuseAll(refusal)
    case .hold(let id): if let job = live[id] { heldJobs.add(job) }
    case .outputLost(let id, let error):
      live[id]?.loseOutput()
      outputFailed(of: id, "all", error.code)
    case .announce(let record, let pid): apis.broadcast(.job(record, pid: pid))
    case .announceDeletion(let id): apis.broadcast(.deleted(id: id))
    case .answer(let caller, let answer): apis.answer(caller, answer)
    case .removeFiles(let id): directory.removeFiles(of: id)
    case .count(let counter, let amount): counts.add(counter, amount)
    case .release(let id): release(id)
    case .clean(let record): clean(record)
    case .delete(let id, let client): delete(id, client, nil)
    case .lostAreStored: apis.start()
    }
  }

  private func save(_ record: JobRecord, _ isStartStored: Bool, _ token: UInt64) {
    let job = live[record.id]
    // Some of its output may have been lost since the book said so.
    let record = book.jobs[record.id]?.record ?? record
    let change = StoreChange.finish(
      record, log: job?.index.finish() ?? [], files: job?.filesToSync ?? [], isStartStored: isStartStored)
    store.enqueue(change, token: token)
  }

  /// It was accepted a while ago: its user may be gone since.
  private func admit(_ record: JobRecord, _ creation: ApiRequest.Creation, waited: Int64) {
    let id = record.id
    counts.add(wait: UInt64(waited))
    addLive(id, of: record.client, creation.plan, as: nil)
    accounts.find(creation.plan) { [unowned self] answer in
      switch answer {
      case .success(let found):
        live[id]?.identity = found?.identity
        handle(.admitted(id, refusal(as: found, record.client)))
      case .failure(let refusal): handle(.admitted(id, refusal))
      }
    }
  }

  private func loadQueue(_ key: QueueKey) {
    store.loadQueue(key, most: WaitingJobs.most) { [unowned self] result in
      loop.post {
        if case .failure(let error) = result { self.storeFailed(error) }
        self.handle(.loaded(key, try? result.get()))
      }
    }
  }

  private func keepOutput(_ id: JobID) {
    guard let counts = live[id]?.keepOutput(), var record = book.jobs[id]?.record, record.state == .completed
    else { return }
    record.takeOutput(counts)
    handle(.outputCut(record))
  }

  private func deliver(_ record: JobRecord, to caller: Caller) {
    let job = live[record.id]
    let output = HeldOutput(
      stdout: job?.running?.heldOutput(.stdout) ?? [], stderr: job?.running?.heldOutput(.stderr) ?? [],
      index: job?.index.finish() ?? [])
    apis.answer(caller, ran: record, output)
  }

  private func launch(
    _ id: JobID, _ creation: ApiRequest.Creation, _ grace: UInt64, holdsOutput: Bool
  ) {
    guard let job = live[id] else { return }
    let (secrets, terms): (Secrets?, Terms)
    do throws(DaemonError) {
      secrets = try opened(creation.secrets, of: job)
    } catch {
      log.warn("secrets_not_read", job.fields + ["error": "\(error)"])
      return handle(.notLaunched(id, why: "its secrets cannot be read: \(error)"))
    }
    do throws(Refusal) {
      terms = try self.terms(of: creation.plan, secrets, job.client)
    } catch {
      let text = "the daemon's configuration was changed since it was created: \(error.text)"
      return handle(.notLaunched(id, why: text))
    }
    do {
      var launch = launch(of: job, creation.plan, secrets, terms)
      launch.grace = grace
      launch.holdsOutput = holdsOutput
      launch.input = try creation.inputFile()
      job.running = try RunningJob(engine, launch, delegate: job)
      job.holdsOutput = holdsOutput
      job.input.pump(into: job.running, error: 0)
    } catch {
      launchFailed(job, error.code, "\(error)")
      handle(.notLaunched(id, why: "\(error)"))
    }
  }

  private func launch(
    of job: LiveJob, _ plan: JobPlan, _ secrets: Secrets?, _ terms: Terms
  ) -> RunningJob.Launch {
    let executed =
      terms.runner.map { launchPlan(plan, secrets, of: job, $0, terms.limits) } ?? secrets.map(plan.with)
      ?? plan
    var launch = RunningJob.Launch(
      job.id, executed, outputName: JobRecord.outputName(of: job.id),
      outputLimit: UInt64(book.settings(of: job.client).outputLimit))
    let local = terms.local
    launch.limits = jc_limits(memory: local.memory, cpu_milli: local.cpuMilli, processes: local.processes)
    if let runner = terms.runner { launch.signals = job.signals(by: runner) }
    if let identity = job.identity { launch.identity = identity }
    return launch
  }

  private func release(_ id: JobID) {
    if let job = live.removeValue(forKey: id) {
      job.index.removeCopy()
      heldJobs.jobEnded(job)
      progress.forget(job)
    }
    expiry.released(id)
  }

  /// A batch of changes is on disk, or could not be written.
  func stored(_ outcomes: [Store.Outcome]) {
    var saved = 0
    for (token, _, outcome) in outcomes {
      switch outcome {
      case .failed(let error): storeFailed(error)
      case .outputLost: break
      default: saved += 1
      }
      handle(.stored(token: token, outcome))
    }
    counts.add(.storeCommits, saved == 0 ? 0 : 1)
    counts.add(.storeChanges, saved)
    let clients = Set(outcomes.lazy.filter(\.outcome.hasEvents).map(\.client))
    if !clients.isEmpty { apis.broadcast(.events(clients: Array(clients))) }
    advanceShutdown(.progress)
  }

  private func storeFailed(_ error: StoreError) {
    log.error("store_failed", ["error": "\(error)"])
    counts.add(store: error.kind)
  }
}

/// What is told of a job's process.
extension Supervisor {
  func startWaits(_ job: LiveJob) { handle(.launchWaits(job.id)) }
  func started(_ job: LiveJob, pid: pid_t, at: Int64) { handle(.started(job.id, pid: pid, at: at)) }
  func outputFull(_ job: LiveJob) { handle(.outputFull(job.id)) }
  /// There is output that those who watch it do not know of.
  func outputGrew(_ job: LiveJob) { progress.add(job) }
  /// Some of its input was taken, or it takes no more.
  func inputMoved(_ job: LiveJob) { heldJobs.inputMoved(of: job) }

  func ended(_ job: LiveJob, _ result: jc_job_result) {
    guard var record = book.jobs[job.id]?.record else { return }
    record.take(result)
    takeEnd(of: job, result, into: &record)
    // What it wrote last is read after its end.
    record.firstOutput = min(job.firstOutput ?? 0, record.finished)
    if job.index.isInFile { record.flags.insert(.logInFile) }
    count(record, result, of: job)
    if result.left {
      log.error(
        "processes_left", job.fields + ["pid": "\(result.left_pid)", "error": record.error ?? ""])
    }
    handle(
      .ended(
        record, isLaunching: result.left && job.startWaits,
        holdsOutput: job.holdsOutput && record.hasOutput))
  }

  /// What was left of it when it ended is gone.
  func gone(_ job: LiveJob) {
    log.info("processes_gone", job.fields)
    if job.startWaits { handle(.slowLaunchGone(client: job.client)) }
  }
}

extension ApiRequest.Creation {
  /// A descriptor of memory that holds the inline standard input; -1: there is none.
  fileprivate func inputFile() throws(SystemError) -> Int32 {
    guard let input else { return -1 }
    let file = input.withUnsafeBytes { jp_memory_file("jobd stdin", $0.baseAddress, $0.count) }
    guard file >= 0 else { throw SystemError(file, "hold the job's standard input") }
    return file
  }
}

extension Accounts.Found {
  /// Why this daemon runs no job as that user. `api`: who the api process is, which reads all clients' output and the
  /// database; nil: as this process.
  func refusal(api: Account?) -> Refusal? {
    if let api, api.user != 0 {
      guard account.user != api.user else {
        let text = "no job runs as the user \(api.name): the daemon's api process does, which sees all jobs"
        return Refusal(reason: .forbidden, text: text)
      }
      guard !groups.contains(api.group) else {
        let text = "no job has the group \(api.group): the daemon's api process has it, which sees all jobs"
        return Refusal(reason: .forbidden, text: text)
      }
    }
    guard geteuid() == 0 || (account.user, account.group) == (geteuid(), getegid()) else {
      return Refusal(
        reason: .forbidden, text: "the daemon does not run as root: it cannot run jobs as another user")
    }
    return nil
  }
}
