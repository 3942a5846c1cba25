/// What ended a job.
///
/// What the daemon did first, while the job ran, is what began its end: its time limit, its output limit, its memory
/// limit, a stop or the daemon's own end. A job that exits by itself during the grace of one of these was ended by it all
/// the same. Where the daemon did nothing it is how the first process ended.
public enum EndedBy: String, Codable, Sendable, CaseIterable {
  /// Its first process exited.
  case exit
  /// A signal that its first process got from itself, from `POST /jobs/<id>/signal` or from elsewhere on the host.
  case signal
  /// Its own `timeout`.
  case timeout
  /// `POST /jobs/<id>/stop`, also while it waited for its launch.
  case stop
  /// Its output limit, with `on_limit` `kill`.
  case outputLimit = "output_limit"
  /// Its memory limit.
  case memory
  /// The daemon stopped in order.
  case shutdown
  /// Nobody knows how it ended, as when the daemon was killed and could not go on with it.
  case lost
}

/// Who asked for a job's end.
public struct StoppedBy: Codable, Sendable, Equatable {
  /// Absent: the daemon stopped.
  public var client: String?
  /// When: RFC 3339 in UTC with microseconds.
  public var time: String

  public init(client: String?, time: String) { (self.client, self.time) = (client, time) }
}

/// When a job got how far, as far as it did and is known: RFC 3339 in UTC with microseconds. By the host's clock, but
/// none is before the one that it follows on.
public struct JobTimes: Codable, Sendable, Equatable {
  /// Its creation was accepted.
  public var created: String
  /// Its creation was written to the disk.
  public var stored: String?
  /// It was handed to a launcher.
  public var launched: String?
  /// Its program ran (exec).
  public var started: String?
  /// The daemon read its first byte of output.
  public var firstOutput: String?
  /// Its first process ended.
  public var ended: String?
  /// Its result was written to the disk.
  public var saved: String?

  enum CodingKeys: String, CodingKey {
    case created, stored, launched, started, ended, saved
    case firstOutput = "first_output"
  }

  public init(created: String) { self.created = created }
}
