import JobAPI
import JobModel

/// How long what is over is kept. Times in microseconds.
package struct Retention: Equatable, Sendable {
  /// Since a job finished.
  package var age: Int64
  /// Finished jobs of one client.
  package var jobs: Int64
  /// Stored bytes of one client, and of all.
  package var bytes: Int64
  package var totalBytes: Int64
  /// Events of one client, and how old they may be.
  package var events: Int64
  package var eventAge: Int64
}

/// Finished jobs that are to go, oldest of each client first.
package struct Expired: Equatable, Sendable {
  package struct Job: Equatable, Sendable {
    package let client: Int64
    package let id: JobID
  }
  package var jobs: [Job] = []
  /// There may be more once these are gone.
  package var more = false
}

extension Configuration {
  /// How long finished jobs and events are kept.
  package var retention: Retention {
    Retention(
      age: Int64(retentionAge) * 1000, jobs: Int64(retentionJobs), bytes: Int64(retentionBytes),
      totalBytes: Int64(retentionTotalBytes), events: Int64(retentionEvents),
      eventAge: Int64(retentionAge) * 1000)
  }
}
