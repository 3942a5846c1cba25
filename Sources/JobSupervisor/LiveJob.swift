import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// A job the supervisor has in hand: from its creation until its result, or its deletion, is on disk.
/// Supervisor's thread only.
final class LiveJob: RunningJobDelegate {
  private unowned let supervisor: Supervisor
  var lifecycle = JobLifecycle()
  var record: JobRecord
  /// Milliseconds between TERM and KILL.
  let grace: UInt64
  /// It was created with an open standard input.
  let takesInput: Bool
  /// What to launch; dropped when it was, or when the job ended before.
  var creation: Order.Creation?
  var running: RunningJob?
  var pid: pid_t = 0
  /// Its start is in the store, or on the way there.
  var isStartStored = false
  private(set) var log = LogIndex()
  /// The service manager holds what a successor needs, and its input too.
  private(set) var isDeposited = false
  var isInputDeposited = false
  /// Open from the end of a job whose log has a file until the result is on disk.
  private var logDescriptor: Int32 = -1

  private var isOutputLost = false

  /// Api processes that follow its output.
  var watchers: [ApiChild] = []
  /// Whether there is output that the watchers were not told of, and the first piece of the log they lack.
  var hasUntoldOutput = false
  var firstPieceToTell: UInt64 = 0

  /// Nil for a job that was handed over.
  let creator: Caller?
  var deleters: [Caller] = []
  /// Why its deletion could not be stored.
  var deletionFailure: StoreError?
  /// Answered when the job has ended.
  var stoppers: [Caller] = []
  var input: InputQueue

  init(_ supervisor: Supervisor, record: JobRecord, creation: Order.Creation, creator: Caller) {
    self.supervisor = supervisor
    self.record = record
    self.creation = creation
    self.creator = creator
    grace = creation.spec.grace ?? UInt64(supervisor.configuration.grace)
    takesInput = creation.spec.stdinOpen
    input = InputQueue()
  }

  /// A running job that the predecessor in this process started.
  init(_ supervisor: Supervisor, _ handed: Handover.Job) {
    self.supervisor = supervisor
    (record, pid, grace, takesInput) = (handed.record, handed.pid, handed.grace, handed.takesInput)
    (isStartStored, isDeposited) = (handed.isStartStored, handed.isDeposited)
    isInputDeposited = handed.isInputDeposited
    creator = nil
    input = InputQueue(
      taken: handed.inputTaken, isClosed: handed.state.stdin_closed,
      isUncertain: handed.state.input_pending > 0)
    log = LogIndex(inFile: handed.piecesInFile, pieces: handed.pieces)
    lifecycle = JobLifecycle(state: .running)
  }

  /// A running job of a supervisor that was killed.
  init(_ supervisor: Supervisor, adopted job: Inheritance.Job) {
    self.supervisor = supervisor
    (record, pid, takesInput) = (job.record, job.state.pid, job.spec.stdinOpen)
    isStartStored = record.started != 0
    record.started = job.state.started_us
    record.flags.insert(.adopted)
    grace = job.spec.grace ?? UInt64(supervisor.configuration.grace)
    isDeposited = true
    isInputDeposited = job.state.stdin_write >= 0
    creator = nil
    input = InputQueue(
      taken: job.state.input_taken, isClosed: job.state.stdin_closed,
      isUncertain: job.state.input_pending > 0)
    lifecycle = JobLifecycle(state: .running)
  }

  /// Takes over the output that an adopted job has on file. What is not in the log is the last that was written.
  func goOn(from state: jc_job_state) {
    (record.stdout.kept, record.stderr.kept) = (state.kept.0, state.kept.1)
    log = LogLedger.read(state.ledger)
    let known = LogFile.lengths(log, of: record, in: supervisor.directory)
    for (stream, kept) in [(OutputStream.stdout, state.kept.0), (.stderr, state.kept.1)]
    where kept > known[Int(stream.index)] {
      log.append(stream, length: kept - known[Int(stream.index)], time: Clock.microseconds())
    }
    LogLedger.write(log, to: state.ledger)
  }

  func deposited(input: Bool) {
    (isDeposited, isInputDeposited) = (true, input)
    if let ledger = running?.ledger { LogLedger.write(log, to: ledger) }
  }

  /// For a successor; nil when it has just ended.
  func export() -> Handover.Job? {
    guard let state = running?.export() else { return nil }
    return Handover.Job(
      record: record, pid: pid, grace: grace, takesInput: takesInput, inputTaken: input.takenInAll,
      isStartStored: isStartStored, isDeposited: isDeposited, isInputDeposited: isInputDeposited,
      piecesInFile: log.inFile, pieces: log.pieces, state: state)
  }

  /// It waits for its turn to be launched.
  var isWaiting: Bool { lifecycle.state == .launching && creation != nil }

  deinit {
    if logDescriptor >= 0 { close(logDescriptor) }
  }

  func jobStarted(pid: pid_t, at: Int64) {
    self.pid = pid
    record.started = at
    supervisor.counts.add(.started)
    supervisor.handle(.started, for: self)
    supervisor.launchEnded()
  }

  func jobOutput(stream: OutputStream, length: UInt64) {
    if stream == .stdout { record.stdout.kept += length } else { record.stderr.kept += length }
    let last = log.count - 1
    log.append(stream, length: length, time: Clock.microseconds())
    if log.count >= LogFile.piecesInMemory { LogFile.append(&log, of: record, in: supervisor.directory) }
    if isDeposited { noteLog(from: last) }
    if !watchers.isEmpty { supervisor.progress.add(self) }
  }

  private func noteLog(from last: Int) {
    guard let ledger = running?.ledger else { return }
    log.count > last ? LogLedger.write(log, from: last, to: ledger) : LogLedger.write(log, to: ledger)
  }

  func jobOutputFailed(stream: OutputStream, error: Int32) {
    supervisor.outputFailed(of: record.id, stream.rawValue, error)
  }

  func jobInputReady(error: Int32) {
    input.pump(into: running, error: error)
    supervisor.deposits.inputMoved(of: self)
  }

  func jobFinished(_ result: jc_job_result) {
    let wasStarted = lifecycle.state == .running
    pid = 0
    record.take(result)
    input.refuseAll()
    supervisor.count(result, of: record.id)
    supervisor.handle(.finished, for: self)
    if !wasStarted { supervisor.launchEnded() }
  }

  /// Brings the log into the form in which it is stored.
  func finishLog(in directory: StateDirectory) {
    guard log.inFile > 0 else { return }
    if log.count > 0 { LogFile.append(&log, of: record, in: directory) }
    record.flags.insert(.logInFile)
    if logDescriptor < 0 { logDescriptor = LogFile.open(of: record, in: directory) }
  }

  /// Its output, or some of it, is not on disk, and asking for it again would not tell.
  func loseOutput(_ error: SystemError) {
    isOutputLost = true
    if record.error == nil { record.error = "output was lost: \(error)" }
  }

  /// The files that must be on disk before the result is.
  var outputDescriptors: [Int32] {
    guard !isOutputLost else { return [] }
    let streams = [OutputStream.stdout, .stderr].map { running?.outputDescriptor($0) ?? -1 }
    return (streams + [logDescriptor]).filter { $0 >= 0 }
  }

  /// The output seen so far, with the pieces of the log from `firstPiece` on.
  func outputProgress(from firstPiece: UInt64) -> OutputProgress {
    let first = max(firstPiece, log.inFile)
    let skipped = Int(first - log.inFile) * LogIndex.pieceSize
    return OutputProgress(
      stdout: record.stdout.kept, stderr: record.stderr.kept, piecesInFile: log.inFile, firstPiece: first,
      pieces: Array(log.pieces.dropFirst(skipped)))
  }

  /// The first piece that can still change: the last one held, which may become longer.
  var lastPiece: UInt64 { log.inFile + UInt64(max(log.count, 1)) - 1 }
}

/// An api process that waits for an answer.
struct Caller: InputGiver {
  let child: ApiChild
  let ticket: UInt64

  func answerCreated(_ id: JobID) { child.send(.created(ticket: ticket, id: id)) }
  func answerDone() { child.send(.done(ticket: ticket)) }
  func refuse(_ refusal: Refusal) { child.send(.refused(ticket: ticket, refusal)) }
}
