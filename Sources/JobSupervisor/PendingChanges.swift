import JobAPI
import JobModel
import JobStore

/// What waits for the store: each queued change has a token, and this is what to go on with when it is on disk.
struct PendingChanges {
  enum Change {
    case creation(LiveJob)
    case result(LiveJob)
    case deletion(LiveJob)
    /// Of a job that had finished before.
    case removal(Removal)
    /// A job of an earlier daemon, now in state error.
    case recovery(JobRecord)
    /// That a job was started: its end says so too.
    case start
  }

  private var changes: [UInt64: Change] = [:]
  private var lastToken: UInt64 = 0

  mutating func add(_ change: Change) -> UInt64 {
    lastToken += 1
    changes[lastToken] = change
    return lastToken
  }

  var isEmpty: Bool { changes.isEmpty }

  mutating func take(_ token: UInt64) -> Change? { changes.removeValue(forKey: token) }
}

/// The deletion of a job that finished before it was asked for.
final class Removal {
  let client: Int64
  let id: JobID
  var callers: [Caller] = []

  init(client: Int64, id: JobID) {
    self.client = client
    self.id = id
  }
}

extension Supervisor {
  func enqueue(_ change: StoreChange, then next: PendingChanges.Change) {
    store.enqueue(change, token: changes.add(next))
  }

  /// A batch of changes is on disk, or could not be written.
  func changesCompleted(_ outcomes: [(token: UInt64, outcome: StoreOutcome)]) {
    var saved = 0
    for (token, outcome) in outcomes {
      guard let change = changes.take(token) else { continue }
      switch outcome {
      case .failed(let error): storeFailed(error)
      case .outputLost: break
      default: saved += 1
      }
      completed(change, outcome)
    }
    counts.add(.storeCommits, saved == 0 ? 0 : 1)
    counts.add(.storeChanges, saved)
    keeper.broadcast(.events)
    shutdown?.handle(.progress)
  }

  private func storeFailed(_ error: StoreError) {
    log.error("store_failed", ["error": "\(error)"])
    counts.add(store: error.kind)
  }

  private func completed(_ change: PendingChanges.Change, _ outcome: StoreOutcome) {
    switch change {
    case .creation(let job): creationCompleted(job, outcome)
    case .result(let job): resultCompleted(job, outcome)
    case .deletion(let job):
      if case .failed(let error) = outcome { job.deletionFailure = error }
      handle(outcome.isOver ? .deletionSaved : .deletionNotSaved, for: job)
    case .removal(let removal): removalCompleted(removal, outcome)
    case .recovery(let record): recoveryCompleted(record, outcome)
    case .start: break
    }
  }

  private func creationCompleted(_ job: LiveJob, _ outcome: StoreOutcome) {
    switch outcome {
    case .saved:
      counts.add(.created)
      return handle(.accepted, for: job)
    case .existing(let id):
      job.creator?.answerCreated(id)
    case .keyReused:
      job.creator?.refuse(
        Refusal(reason: .keyReused, text: "the Idempotency-Key was used with another request"))
    case .failed(let error):
      job.creator?.refuse(Refusal("the job cannot be stored", error))
    case .notFound, .deleted, .outputLost:
      job.creator?.refuse(Refusal(reason: .failed, text: "the job cannot be stored"))
    }
    handle(.notAccepted, for: job)
  }

  private func resultCompleted(_ job: LiveJob, _ outcome: StoreOutcome) {
    if case .outputLost(let error) = outcome {
      outputFailed(of: job.record.id, "all", error.code)
      job.loseOutput(error)
    }
    handle(outcome.isOver ? .resultSaved : .resultNotSaved, for: job)
  }

  private func removalCompleted(_ removal: Removal, _ outcome: StoreOutcome) {
    removals[removal.id] = nil
    housekeeping.removalEnded()
    switch outcome {
    case .deleted(let hasFiles):
      counts.add(.deleted)
      if hasFiles { directory.removeFiles(of: removal.id) }
      keeper.broadcast(.deleted(id: removal.id))
      for caller in removal.callers { caller.answerDone() }
    case .failed(let error):
      let refusal = Refusal("the job cannot be deleted", error)
      for caller in removal.callers { caller.refuse(refusal) }
    default:
      for caller in removal.callers { caller.refuse(.unknownJob) }
    }
  }
}

extension StoreOutcome {
  /// A change of a job the store does not know is over too: another deletion came before.
  fileprivate var isOver: Bool {
    switch self {
    case .saved, .deleted, .notFound: true
    default: false
    }
  }
}

extension Refusal {
  /// What the store could not do. A client may try again later, but for what an operator has to mend first.
  init(_ what: String, _ error: StoreError) {
    let reason: Reason =
      switch error.kind {
      case .full: .noSpace
      case .readOnly, .inputOutput, .outOfMemory, .other: .unavailable
      case .damaged, .newer, .inUse: .failed
      }
    self.init(reason: reason, text: "\(what): \(error)")
  }
}
