import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// The process, input and output of a job: what the book's entry of it has to do with the system. Supervisor's thread
/// only.
final class LiveJob: RunningJobDelegate {
  let id: JobID
  let client: Int64
  /// It was created with an open standard input, or a terminal.
  let takesInput: Bool
  let hasTerminal: Bool
  /// Of a job that has a runner.
  let runnerPlan: JobPlan?
  private let traceparent: Traceparent?
  /// Its runner's command gives it its signals.
  var isSignalledByRunner = false
  var running: RunningJob?
  /// Who it is to run as; nil: as this process.
  var identity: JobIdentity?
  private unowned let supervisor: Supervisor

  /// Microseconds since 1970; 0: not yet.
  private(set) var started: Int64 = 0
  /// When it was told, by the clock that is never set.
  private(set) var startSeen: Int64 = 0
  private(set) var hasEnded = false
  /// Its program does not come to run.
  private(set) var startWaits = false
  /// Bytes of each stream that are in its file.
  private(set) var kept: [UInt64] = [0, 0]
  /// When the first of them was read: microseconds since 1970; nil: not yet, 0: before this process took it over.
  private(set) var firstOutput: Int64?
  var knownUsage: KnownUsage?
  private(set) var index: OutputIndexWriter
  private var isOutputLost = false
  /// Its output is in memory.
  var holdsOutput: Bool {
    get { index.isHeld }
    set { index.isHeld = newValue }
  }
  var input: InputQueue

  /// A successor would find what it needs to go on, and the input too.
  private(set) var isHeld = false
  var isInputHeld = false
  /// The keeper could not hold it, which was told.
  var isHoldRefused = false

  /// Api processes that follow its output.
  var watchers: [ApiChild] = []
  var hasUntoldOutput = false

  init(
    _ id: JobID, of client: Int64, _ plan: JobPlan, in directory: Int32, delegate supervisor: Supervisor
  ) {
    (self.id, self.client, self.supervisor) = (id, client, supervisor)
    (takesInput, runnerPlan) = (plan.takesInput, plan.runner == nil ? nil : plan)
    (traceparent, hasTerminal) = (plan.traceparent, plan.terminal != nil)
    index = OutputIndexWriter(id, in: directory)
    input = InputQueue(skipsGaps: plan.terminal != nil)
  }

  /// What names it in the log.
  var fields: Log.Fields {
    guard let traceparent else { return ["id": "\(id)"] }
    return ["id": "\(id)", "traceparent": traceparent.text]
  }

  /// One that a predecessor launched, with its input as `state` says; ``goOn(_:in:now:)`` follows.
  convenience init(
    _ id: JobID, of client: Int64, _ plan: JobPlan, _ state: jc_job_state, in directory: Int32,
    delegate supervisor: Supervisor
  ) {
    self.init(id, of: client, plan, in: directory, delegate: supervisor)
    isSignalledByRunner = state.signals == JC_SIGNALS_OWNER
    started = state.started_us
    input = InputQueue(
      taken: state.input_taken, isClosed: state.stdin_closed, isUncertain: state.input_pending > 0,
      skipsGaps: hasTerminal)
  }

  /// Takes over the output that is on file.
  func goOn(_ state: jc_job_state, in directory: Int32, now: Int64) {
    kept = [state.kept.0, state.kept.1]
    if kept != [0, 0] { firstOutput = 0 }
    index = OutputIndexWriter(goingOn: id, in: directory, kept: kept, now: now)
  }

  func held(input: Bool) {
    (isHeld, isInputHeld) = (true, input)
    index.publish()
  }

  /// From now on its output is in files. What there is of it, where they do not take all.
  func keepOutput() -> jc_job_result? {
    guard holdsOutput, let running else { return nil }
    holdsOutput = false
    let counts = running.keepOutput()
    let kept = [counts.bytes.0, counts.bytes.1]
    guard kept != self.kept else { return nil }
    index.cut(to: kept)
    self.kept = kept
    return counts
  }

  /// The files that must be on disk before the result is.
  var filesToSync: [Int32] {
    guard !isOutputLost else { return [] }
    let streams = OutputStream.allCases.map { running?.outputDescriptor($0) ?? -1 }
    return (streams + [index.descriptor]).filter { $0 >= 0 }
  }

  /// Its output, or some of it, is not on disk, and asking for it again would not tell.
  func loseOutput() { isOutputLost = true }

  var progress: OutputProgress { OutputProgress(stdout: kept[0], stderr: kept[1], pieces: index.written) }

  // MARK: RunningJobDelegate

  func jobStartWaits() {
    startWaits = true
    supervisor.startWaits(self)
  }

  func jobStarted(pid: pid_t, at: Int64) {
    startWaits = false
    (started, startSeen) = (at, Clock.monotonic())
    supervisor.started(self, pid: pid, at: at)
  }

  func jobOutput(stream: OutputStream, length: UInt64) {
    kept[Int(stream.index)] += length
    let time = Clock.microseconds()
    if firstOutput == nil { firstOutput = time }
    index.append(stream, length: length, time: time)
    if holdsOutput, index.isFull { supervisor.outputFull(self) }
    if !watchers.isEmpty { supervisor.outputGrew(self) }
  }

  func jobOutputFull() { supervisor.outputFull(self) }

  func jobOutputFailed(stream: OutputStream, error: Int32) {
    supervisor.outputFailed(of: id, stream.rawValue, error)
  }

  func jobInputReady(error: Int32) {
    input.pump(into: running, error: error)
    supervisor.inputMoved(self)
  }

  func jobFinished(_ result: jc_job_result) {
    hasEnded = true
    input.refuseAll()
    supervisor.ended(self, result)
  }

  func jobTermAsked() { supervisor.termAsked(self) }

  func jobGone() { supervisor.gone(self) }
}
