import JobAPI

/// How long what is over is kept. Times in microseconds.
struct Retention: Equatable, Sendable {
  /// Since a job finished.
  var age: Int64
  /// Finished jobs of one client.
  var jobs: Int64
  /// Stored bytes of one client, and of all.
  var bytes: Int64
  var totalBytes: Int64
  /// Events of one client, and how old they may be.
  var events: Int64
  var eventAge: Int64
}

/// Finished jobs that are to go, oldest of each client first.
struct Expired: Equatable, Sendable {
  struct Job: Equatable, Sendable {
    let client: Int64
    let id: JobID
  }
  var jobs: [Job] = []
  /// There may be more once these are gone.
  var more = false
}
