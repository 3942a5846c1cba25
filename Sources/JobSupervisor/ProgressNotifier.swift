import JobAPI
import JobModel

/// Tells api processes of new output of the jobs they follow: at most once a round of the loop for each job, and
/// later when a process does not keep up.
struct ProgressNotifier {
  /// Bytes queued to a process past which it is told no progress.
  private static let highWater = 1 << 20
  private var untold: [LiveJob] = []

  mutating func add(_ job: LiveJob) {
    guard !job.hasUntoldOutput else { return }
    job.hasUntoldOutput = true
    untold.append(job)
  }

  /// Tells `child` of all output so far, and of more as it comes.
  func watch(_ job: LiveJob, _ child: ApiChild) {
    guard !job.watchers.contains(where: { $0 === child }) else { return }
    job.watchers.append(child)
    job.index.publish()
    child.send(.output(id: job.id, progress: job.progress))
  }

  func unwatch(_ job: LiveJob, _ child: ApiChild) { job.watchers.removeAll { $0 === child } }

  mutating func forget(_ job: LiveJob) {
    if job.hasUntoldOutput { untold.removeAll { $0 === job } }
  }

  /// An api process is gone.
  func forget(_ child: ApiChild, in jobs: [JobID: LiveJob]) {
    for job in jobs.values where !job.watchers.isEmpty { unwatch(job, child) }
  }

  /// Called at the end of each round: sends what can be sent.
  mutating func notify() {
    guard !untold.isEmpty else { return }
    untold.removeAll { job in
      guard job.watchers.allSatisfy({ $0.queued < Self.highWater }) else { return false }
      job.hasUntoldOutput = false
      let message = SupervisorEvent.output(id: job.id, progress: job.progress).encode()
      for child in job.watchers { child.send(encoded: message) }
      return true
    }
  }
}
