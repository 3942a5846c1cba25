import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// Jobs that a runner launches.
extension Supervisor {
  /// What is executed in the job's place: the runner's command with the job's own behind it, and nothing of the client's in
  /// its environment, but for secrets whose names the runner's entry allows.
  func launchPlan(
    _ plan: JobPlan, _ secrets: Secrets?, of job: LiveJob, _ runner: Runner, _ limits: JobPolicy.Limits
  ) -> JobPlan {
    let asked = plan.visibleRequest
    let values = RunnerValues(job.id, clients[job.client] ?? "", plan, limits)
    var words = runner.command.words(values.text, environment: plan.environmentWithTrace)
    if asked.tty != nil { words.insert(contentsOf: runner.terminal.words { _ in nil }, at: 1) }
    words += [asked.cmd] + asked.args
    var request = runner.request(words)
    if let secrets { request.env?.merge(secrets.variables) { $1 } }
    (request.stdinOpen, request.tty) = (plan.isStdinOpen, asked.tty)
    (request.timeout, request.grace) = (asked.timeout, asked.grace)
    (request.merge, request.outputLimit, request.onLimit) = (asked.merge, asked.outputLimit, asked.onLimit)
    return JobPlan(request)
  }

  /// What its end means of a job that has a runner.
  func takeEnd(of job: LiveJob, _ result: jc_job_result, into record: inout JobRecord) {
    guard let plan = job.runnerPlan, let name = plan.runner else { return }
    if result.error != 0, !result.hasRun {
      // An exit code would say that it is the client's command that is not there.
      record.exitCode = 0
      if !result.isStopped { record.error = "the runner \"\(name)\": \(record.error ?? "")" }
      return
    }
    guard result.error == 0 && result.signal == 0 && !result.killed else {
      if mayLeave(record, plan) { record.cleanup = .pending }
      return
    }
    guard configuration.runners[name]?.failureCodes.contains(result.exit_code) == true else { return }
    let stream: OutputStream = plan.visibleRequest.merge == true || plan.terminal != nil ? .stdout : .stderr
    let words = directory.lastWords(of: stream, of: job.id)
    record.state = .error
    record.exitCode = 0
    record.error = "the runner \"\(name)\" could not start the job\(words.isEmpty ? "" : ": \(words)")"
  }

  /// Whether a job that its runner did not end may have left something elsewhere: the runner has a command for that, or had
  /// one when the job was created.
  func mayLeave(_ record: JobRecord, _ plan: JobPlan) -> Bool {
    let runner = plan.runner.flatMap { configuration.runners[$0] }
    return record.flags.contains(.mayLeave) || runner?.cleanup.isEmpty == false
  }

  // MARK: Signals

  /// The engine wants it to get TERM.
  func termAsked(_ job: LiveJob) {
    signalByRunner(job, SIGTERM) { [weak job] _ in job?.running?.termSent() }
  }

  /// `then`: with what went wrong; nil: nothing.
  func signalByRunner(_ job: LiveJob, _ signal: Int32, then: @escaping (String?) -> Void) {
    guard let plan = job.runnerPlan else { return then(nil) }
    let target = RunnerTarget(id: job.id, client: job.client, plan: plan)
    runnerCommands.run(.signal, of: target, signal: signal) { [unowned self] outcome in
      guard case .failure(let failure) = outcome else { return then(nil) }
      counts.add(.runnerSignalFailures)
      log.warn("runner_signal_failed", job.fields + ["error": failure.text])
      handle(.runnerFailed(job.id, client: job.client, failure.text))
      then(failure.text)
    }
  }

  // MARK: What is left elsewhere

  func clean(_ record: JobRecord) {
    guard let plan = live[record.id]?.runnerPlan else { return }
    let id = record.id
    cleanups.begin(RunnerTarget(id: id, client: record.client, plan: plan))
    cleanups.wait(for: id) { [unowned self] failure in
      if let failure { handle(.notCleaned(id, failure: failure)) }
    }
  }

  /// Of jobs that are over, since the daemon before or before that.
  func resumeCleanups() throws(StoreError) {
    for (record, plan) in try store.uncleaned() { resumeCleanup(of: record, plan) }
  }

  func resumeCleanup(of record: JobRecord, _ plan: JobPlan?) {
    guard let plan, record.cleanup == .pending else { return }
    cleanups.begin(RunnerTarget(id: record.id, client: record.client, plan: plan))
  }

  func happened(_ target: RunnerTarget, _ event: RunnerCleanups.Event) {
    let (id, client) = (target.id, target.client)
    switch event {
    case .begun: break
    case .failed(let text):
      counts.add(.runnerCleanupFailures)
      log.warn("runner_cleanup_failed", ["id": "\(id)", "error": text])
      handle(.runnerFailed(id, client: client, text))
    case .done(let error): handle(.cleaned(id, client: client, error: error))
    }
    counts.set(.uncleaned, UInt64(cleanups.count))
  }

  /// What its runner left elsewhere is ended first: without its record nobody would find it.
  func delete(_ id: JobID, _ client: Int64, _ caller: Caller?) {
    guard cleanups.isUnderWay(id, of: client), book.jobs[id]?.lifecycle.state != .cleaning else {
      return handle(.delete(id, client: client, caller))
    }
    cleanups.wait(for: id) { [unowned self] failure in
      guard let failure else { return handle(.delete(id, client: client, caller)) }
      let text = "what the job's runner started elsewhere may still run: \(failure)"
      if let caller { apis.answer(caller, .refused(Refusal(reason: .unavailable, text: text))) }
    }
  }
}

extension LiveJob {
  func signals(by runner: Runner) -> jc_signals {
    isSignalledByRunner = !runner.signal.isEmpty
    return isSignalledByRunner ? JC_SIGNALS_OWNER : JC_SIGNALS_INSIDE
  }
}

extension StateDirectory {
  fileprivate func lastWords(of stream: OutputStream, of id: JobID) -> String {
    let file = openat(output, JobRecord.outputName(of: id) + stream.suffix, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    return LastWords.text(of: file)
  }
}
