import JobAPI
import JobModel
import JobStore

/// Jobs of runners: what their processes may have left elsewhere.
extension JobBook {
  static let replaced = "the daemon is being replaced, and the next one goes on with it"

  /// What is to be on record of a job that is over.
  struct CleanupNote {
    let id: JobID
    let client: Int64
    let error: String?
    let isDone: Bool
  }

  mutating func clean(_ record: JobRecord) {
    effects.append(.clean(record))
    if isHurrying || launches.isPaused && !isStopping { leaveCleaning() }
  }

  mutating func cleaned(_ id: JobID, _ client: Int64, _ error: String?) {
    let isInHand = jobs[id]?.lifecycle.state == .cleaning
    if jobs[id]?.record.cleanup == .pending { jobs[id]!.record.cleanup = .done }
    if !isInHand { note(CleanupNote(id: id, client: client, error: error, isDone: true)) }
    advance(id, .cleaned)
  }

  mutating func notCleaned(_ id: JobID, _ failure: String) {
    guard let job = jobs[id], job.record.cleanup == .pending else { return }
    let text = "the job's processes here are gone, and not what its runner started elsewhere: \(failure)"
    jobs[id]!.deletionRefusal = Refusal(reason: .unavailable, text: text)
    if job.record.runnerError == nil, failure != Self.replaced { jobs[id]!.record.runnerError = failure }
    advance(id, .notCleaned)
  }

  /// What is left to do is on record, and is done without the book.
  mutating func leaveCleaning() {
    for (id, job) in jobs where job.lifecycle.state == .cleaning { notCleaned(id, Self.replaced) }
  }

  mutating func runnerFailed(_ id: JobID, _ client: Int64, _ text: String) {
    jobs[id]?.record.runnerError = text
    guard let job = jobs[id], job.lifecycle.state != .saving else {
      return note(CleanupNote(id: id, client: client, error: text, isDone: false))
    }
    if job.lifecycle.isActive, job.lifecycle.isAnnounced {
      effects.append(.announce(job.record, pid: job.pid))
    }
  }

  /// After the job's result, which may say other.
  mutating func note(_ note: CleanupNote) {
    let change = StoreChange.cleaned(
      client: note.client, id: note.id, error: note.error, isDone: note.isDone)
    effects.append(.store(change, token: token(for: .cleanup(note))))
  }

  mutating func cleanupStored(_ note: CleanupNote, _ outcome: StoreOutcome) {
    if case .failed = outcome { unnoted.add(note, now.monotonic) }
  }
}
