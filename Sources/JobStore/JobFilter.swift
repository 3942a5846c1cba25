import JobAPI
import JobModel

/// Which jobs a list is to show. What is not set lets all through.
package struct JobFilter: Equatable, Sendable {
  /// Empty: all.
  package var states: Set<JobState> = []
  /// Beside those states, jobs that wait for a slot; they are of state running too.
  package var isQueued = false
  /// False: none of those that wait.
  package var mayBeQueued = true
  /// Each as `NAME=VALUE`; a name has no `=`.
  package var labels: Set<String> = []
  /// Created then or later; microseconds since 1970.
  package var since: Int64?
  /// The id's text begins or ends so.
  package var match: String?

  package init(
    states: Set<JobState> = [], isQueued: Bool = false, labels: Set<String> = [], since: Int64? = nil,
    match: String? = nil
  ) {
    (self.states, self.isQueued, self.labels, self.since, self.match) = (
      states, isQueued, labels, since, match
    )
  }

  package func matches(_ record: JobRecord) -> Bool {
    guard mayBeQueued || !record.isQueued else { return false }
    return states.isEmpty && !isQueued || states.contains(record.state) || isQueued && record.isQueued
  }

  package func matches(_ plan: JobPlan) -> Bool {
    guard !labels.isEmpty else { return true }
    return labels.isSubset(of: plan.labels.map { "\($0.key)=\($0.value)" })
  }

  /// Ids of jobs created at `since` or later are not below this.
  package var lowest: JobID {
    guard let since, since > 0 else { return JobID(high: 0, low: 0) }
    return JobID(high: JobID(microseconds: since, random: 0).high, low: 0)
  }
}

/// Some of a client's jobs, newest first.
package struct JobPage: Equatable, Sendable {
  package struct Job: Equatable, Sendable {
    package var record: JobRecord
    package var plan: JobPlan
  }
  package var jobs: [Job] = []
  /// Where the next page goes on; nil: this is the last. A page may be short, even empty, and not be the last: one
  /// call looks at a bounded number of jobs.
  package var next: JobID?
}
