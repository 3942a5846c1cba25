/// `GET /jobs/<id>`, and each member of ``JobList``. Times are RFC 3339 in UTC with microseconds. The environment is
/// withheld, because it may hold secrets.
public struct JobDetail: Codable, Sendable, Equatable {
  public var id: JobID
  public var cmd: String
  public var args: [String]
  public var cwd: String?
  public var labels: [String: String]?
  public var user: String?
  public var group: String?
  public var merge: Bool?
  public var timeout: DurationText?
  public var grace: DurationText?
  public var outputLimit: Int64?
  /// When it is `kill`: else the rest is dropped.
  public var onLimit: CreateRequest.LimitAction?

  public var status: JobState
  public var errorMessage: String?
  public var exitCode: Int32?
  public var signal: Int32?
  public var timedOut: Bool?

  public var created: String
  public var started: String?
  public var finished: String?
  /// Of the first process, while it runs.
  public var pid: Int32?

  /// Bytes kept of each stream, and bytes dropped at the limit.
  public var stdoutBytes: Int64
  public var stderrBytes: Int64
  public var stdoutDropped: Int64?
  public var stderrDropped: Int64?
  public var truncated: Bool
  /// The supervisor that started the job was killed, and another went on with it. Its ``usage`` is not known.
  public var adopted: Bool?
  public var usage: ResourceUsage?

  enum CodingKeys: String, CodingKey {
    case id, cmd, args, cwd, labels, user, group, merge, timeout, grace, status, signal
    case created, started, finished, pid, truncated, adopted, usage
    case outputLimit = "output_limit"
    case onLimit = "on_limit"
    case errorMessage = "error_msg"
    case exitCode = "exit_code"
    case timedOut = "timed_out"
    case stdoutBytes = "stdout_bytes"
    case stderrBytes = "stderr_bytes"
    case stdoutDropped = "stdout_dropped"
    case stderrDropped = "stderr_dropped"
  }

  public init(id: JobID, cmd: String, args: [String], status: JobState, created: String) {
    (self.id, self.cmd, self.args, self.status, self.created) = (id, cmd, args, status, created)
    (stdoutBytes, stderrBytes, truncated) = (0, 0, false)
  }

  /// What `GET /jobs/<id>/status` says of it.
  public var state: StatusReply {
    StatusReply(
      status: status, errorMessage: errorMessage, exitCode: exitCode, signal: signal, timedOut: timedOut,
      truncated: truncated ? true : nil)
  }
}

/// What a finished job's processes used, as the kernel counted it.
public struct ResourceUsage: Codable, Sendable, Equatable {
  /// CPU time in microseconds.
  public var userMicroseconds: Int64
  public var systemMicroseconds: Int64
  public var maxResidentKiB: Int64

  enum CodingKeys: String, CodingKey {
    case userMicroseconds = "user_us"
    case systemMicroseconds = "system_us"
    case maxResidentKiB = "max_rss_kib"
  }

  public init(userMicroseconds: Int64, systemMicroseconds: Int64, maxResidentKiB: Int64) {
    (self.userMicroseconds, self.systemMicroseconds) = (userMicroseconds, systemMicroseconds)
    self.maxResidentKiB = maxResidentKiB
  }
}

/// `GET /jobs`: newest first. `next` is the cursor of the page after this one; absent on the last.
public struct JobList: Codable, Sendable, Equatable {
  public var jobs: [JobDetail]
  public var next: String?

  public init(jobs: [JobDetail], next: String? = nil) {
    self.jobs = jobs
    self.next = next
  }
}
