import CJobCore
import Glibc
import JobAPI

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
  /// Open from the end of a job whose log has a file until the result is on disk.
  private var logDescriptor: Int32 = -1

  /// Api processes that follow its output.
  var watchers: [ApiChild] = []
  /// Whether there is output that the watchers were not told of, and the first piece of the log they lack.
  var hasUntoldOutput = false
  var firstPieceToTell: UInt64 = 0

  /// Nil for a job that was handed over.
  let creator: Caller?
  var deleters: [Caller] = []
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
    isStartStored = handed.isStartStored
    creator = nil
    input = InputQueue(taken: handed.inputTaken)
    log = LogIndex(inFile: handed.piecesInFile, pieces: handed.pieces)
    lifecycle = JobLifecycle(state: .running)
  }

  /// For a successor; nil when it has just ended.
  func export() -> Handover.Job? {
    guard let state = running?.export() else { return nil }
    return Handover.Job(
      record: record, pid: pid, grace: grace, takesInput: takesInput, inputTaken: input.takenInAll,
      isStartStored: isStartStored, piecesInFile: log.inFile, pieces: log.pieces,
      state: state)
  }

  /// It waits for its turn to be launched.
  var isWaiting: Bool { lifecycle.state == .launching && creation != nil }

  deinit {
    if logDescriptor >= 0 { close(logDescriptor) }
  }

  func jobStarted(pid: pid_t, at: Int64) {
    self.pid = pid
    record.started = at
    supervisor.handle(.started, for: self)
    supervisor.launchEnded()
  }

  func jobOutput(stream: OutputStream, length: UInt64) {
    if stream == .stdout { record.stdout.kept += length } else { record.stderr.kept += length }
    log.append(stream, length: length, time: Clock.microseconds())
    if log.count >= LogFile.piecesInMemory { LogFile.append(&log, of: record, in: supervisor.directory) }
    if !watchers.isEmpty { supervisor.progress.add(self) }
  }

  func jobInputReady(error: Int32) { input.pump(into: running, error: error) }

  func jobFinished(_ result: jc_job_result) {
    let wasStarted = lifecycle.state == .running
    pid = 0
    record.take(result)
    input.refuseAll()
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

  /// The files that must be on disk before the result is.
  var outputDescriptors: [Int32] {
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
struct Caller {
  let child: ApiChild
  let ticket: UInt64

  func answerCreated(_ id: JobID, client: Int64, existed: Bool) {
    child.send(.created(ticket: ticket, id: id, client: client, existed: existed))
  }
  func answerDone() { child.send(.done(ticket: ticket)) }
  func refuse(_ refusal: Refusal) { child.send(.refused(ticket: ticket, refusal)) }
}
