import JobAPI
import JobModel

/// Jobs of runners: what their processes may have left elsewhere.
extension JobBook {
  static let replaced = "the daemon is being replaced, and the next one goes on with it"

  mutating func clean(_ record: JobRecord) {
    effects.append(.clean(record))
    if launches.isPaused, !isStopping { leaveCleaning() }
  }

  /// `failure`: it is not known to be done, and goes on.
  mutating func cleaned(_ id: JobID, _ failure: String?) {
    guard let job = jobs[id], job.record.cleanup == .pending else { return }
    guard let failure else {
      jobs[id]!.record.cleanup = .done
      return advance(id, .cleaned)
    }
    let text = "the job's processes here are gone, and not what its runner started elsewhere: \(failure)"
    jobs[id]!.deletionRefusal = Refusal(reason: .unavailable, text: text)
    if job.record.runnerError == nil, failure != Self.replaced { jobs[id]!.record.runnerError = failure }
    advance(id, .notCleaned)
  }

  /// What is left to do is on record, and is done without the book.
  mutating func leaveCleaning() {
    for (id, job) in jobs where job.lifecycle.state == .cleaning { cleaned(id, Self.replaced) }
  }

  mutating func runnerFailed(_ id: JobID, _ text: String) {
    guard let job = jobs[id] else { return }
    jobs[id]!.record.runnerError = text
    if job.lifecycle.isActive, job.lifecycle.isAnnounced {
      effects.append(.announce(jobs[id]!.record, pid: job.pid))
    }
  }
}
