import JobAPI
import JobModel

/// How long what is over is kept. Times in microseconds.
package struct Retention: Equatable, Sendable {
  /// Since a job finished.
  package var age: Int64
  /// Stored bytes of all clients.
  package var totalBytes: Int64
  /// How old events may be.
  package var eventAge: Int64
  package var standard: OfClient
  private var others: [Int64: OfClient] = [:]

  /// What is kept of one client: finished jobs, stored bytes and events.
  package struct OfClient: Equatable, Sendable {
    package var jobs, bytes, events: Int64

    package init(jobs: Int64, bytes: Int64, events: Int64) {
      (self.jobs, self.bytes, self.events) = (jobs, bytes, events)
    }

    init(_ settings: ClientSettings) {
      self.init(
        jobs: Int64(settings.retentionJobs), bytes: Int64(settings.retentionBytes),
        events: Int64(settings.retentionEvents))
    }
  }

  package init(age: Int64, totalBytes: Int64, eventAge: Int64, each standard: OfClient) {
    (self.age, self.totalBytes, self.eventAge, self.standard) = (age, totalBytes, eventAge, standard)
  }

  package mutating func set(_ settings: ClientSettings, for client: Int64) {
    let new = OfClient(settings)
    others[client] = new == standard ? nil : new
  }

  /// What is kept of a client.
  subscript(client: Int64) -> OfClient { others[client] ?? standard }
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
      age: Int64(retentionAge) * 1000, totalBytes: Int64(retentionTotalBytes),
      eventAge: Int64(retentionAge) * 1000, each: Retention.OfClient(client))
  }
}
