import Glibc
import JobEngine
import JobModel
import JobStore
import Platform

/// Carries out what a job's lifecycle says.
extension Supervisor {
  func handle(_ event: JobLifecycle.Event, for job: LiveJob) {
    let actions = job.lifecycle.handle(event)
    if !actions.isEmpty { perform(actions, on: job) }
  }

  /// What is told comes before what is answered: a client that has its answer finds the change in every reply.
  private func perform(_ actions: JobLifecycle.Actions, on job: LiveJob) {
    if actions.contains(.announce) { keeper.broadcast(.job(job.record, pid: job.pid)) }
    if actions.contains(.announceStart) { housekeeping.noteStart(job) }
    if actions.contains(.answerCreation) { answerCreation(of: job) }
    if actions.contains(.launch) { launch(job) }
    if actions.contains(.kill) { stop(job, grace: 0) }
    if actions.contains(.saveResult) { saveResult(of: job) }
    if actions.contains(.saveResultLater) { saveLater(job) }
    if actions.contains(.saveDeletion) { saveDeletion(of: job) }
    if actions.contains(.announceDeletion) {
      keeper.broadcast(.deleted(id: job.record.id))
    }
    if actions.contains(.removeFiles) {
      counts.add(.deleted)
      directory.removeFiles(of: job.record.id)
    }
    if actions.contains(.answerDeletions) { answerDeletions(of: job) { $0.answerDone() } }
    if actions.contains(.refuseDeletions), let error = job.deletionFailure {
      let refusal = Refusal("the job's processes are gone, but its deletion cannot be stored", error)
      answerDeletions(of: job) { $0.refuse(refusal) }
    }
    if actions.contains(.release) { release(job) }
  }

  private func answerCreation(of job: LiveJob) {
    job.creator?.answerCreated(job.record.id)
  }

  private func answerDeletions(of job: LiveJob, _ answer: (Caller) -> Void) {
    let callers = job.deleters
    job.deleters = []
    for caller in callers { answer(caller) }
  }

  private func launch(_ job: LiveJob) {
    launches.add(job)
    launchNext()
  }

  /// A launch is over, well or not: the next job has its turn.
  func launchEnded() {
    launches.launchEnded()
    launchNext()
  }

  private func launchNext() {
    while let job = launches.next() { begin(job) }
  }

  private func begin(_ job: LiveJob) {
    guard let creation = job.creation else { return }
    job.creation = nil
    guard shutdown == nil else { return notLaunched(job, "the daemon stopped before it was started") }
    do {
      let launch = try creation.launch(of: job, configuration)
      job.running = try RunningJob(engine, launch, delegate: job)
      launches.launchBegan()
      job.input.pump(into: job.running, error: 0)
    } catch {
      if let error = error as? SystemError { launchFailed(job.record.id, error.code, "\(error)") }
      notLaunched(job, "\(error)")
    }
  }

  /// Ends a job. One that waits for its launch is not launched any more.
  func stop(_ job: LiveJob, grace: UInt64) {
    job.running?.stop(grace: grace)
    guard job.isWaiting else { return }
    job.creation = nil
    let why = shutdown == nil ? "the job was stopped" : "the daemon stopped"
    notLaunched(job, "\(why) before it was started")
  }

  private func notLaunched(_ job: LiveJob, _ why: String) {
    job.record.state = .error
    job.record.error = why
    job.record.finished = Clock.microseconds()
    job.input.refuseAll()
    counts.add(.failed)
    handle(.finished, for: job)
  }

  func saveResult(of job: LiveJob) {
    job.finishLog(in: directory)
    let change = StoreChange.finish(
      job.record, log: job.log.pieces, files: job.outputDescriptors, isStartStored: job.isStartStored)
    enqueue(change, then: .result(job))
  }

  private func saveDeletion(of job: LiveJob) {
    enqueue(.delete(client: job.record.client, id: job.record.id), then: .deletion(job))
  }

  private func release(_ job: LiveJob) {
    for caller in job.stoppers { caller.answerDone() }
    job.stoppers = []
    jobs[job.record.id] = nil
    deposits.jobEnded(job)
    progress.forget(job)
    limits.jobEnded(job.record.client)
    shutdown?.handle(.progress)
  }
}
