import JobAPI

/// Which jobs a list is to show. What is not set lets all through.
struct JobFilter: Equatable, Sendable {
  /// Empty: all.
  var states: Set<JobState> = []
  var labels: [String: String] = [:]
  /// Created then or later; microseconds since 1970.
  var since: Int64?
  /// The id's text begins or ends so.
  var match: String?

  func matches(_ spec: JobSpec) -> Bool {
    labels.allSatisfy { name, value in spec.labels.contains { $0.name == name && $0.value == value } }
  }

  /// Ids of jobs created at `since` or later are not below this.
  var lowest: JobID {
    guard let since, since > 0 else { return JobID(high: 0, low: 0) }
    return JobID(high: JobID(microseconds: since, random: 0).high, low: 0)
  }
}

/// Some of a client's jobs, newest first.
struct JobPage: Equatable, Sendable {
  struct Job: Equatable, Sendable {
    var record: JobRecord
    var spec: JobSpec
  }
  var jobs: [Job] = []
  /// Where the next page goes on; nil: this is the last. A page may be short, even empty, and not be the last: one
  /// call looks at a bounded number of jobs.
  var next: JobID?
}
