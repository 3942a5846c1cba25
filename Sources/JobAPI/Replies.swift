/// The states of a job as the API prints them.
public enum JobState: String, Codable, Sendable, CaseIterable {
  /// Accepted; it waits for a slot (``StatusReply/queued``), is being launched, or runs.
  case running
  /// It could not be started, or supervision of it was lost: `error_msg` says why.
  case error
  /// Its first process ended and all of its output is kept.
  case completed
}

/// What is wrong with a command that could not be executed.
public enum CommandError: String, Codable, Sendable {
  case notFound = "command_not_found"
  /// It may not be executed, or is no program.
  case notExecutable = "command_not_executable"

  /// What shells, env(1) and docker exit with then.
  public var exitCode: Int32 { self == .notFound ? 127 : 126 }

  package init?(exitCode: Int32) {
    switch exitCode {
    case Self.notFound.exitCode: self = .notFound
    case Self.notExecutable.exitCode: self = .notExecutable
    default: return nil
    }
  }
}

/// `PUT /jobs`.
public struct CreateReply: Codable, Sendable, Equatable {
  public var id: JobID
  public init(id: JobID) { self.id = id }
}

/// `GET /jobs/<id>/status`.
public struct StatusReply: Codable, Sendable, Equatable {
  public var status: JobState
  public var errorMessage: String?
  /// Why it could not be started, where that lies in its command.
  public var errorCode: CommandError?
  /// The process's exit code; 128 + N when signal N ended it.
  public var exitCode: Int32?
  /// The signal that ended the process.
  public var signal: Int32?
  /// The job's own time limit ended it.
  public var timedOut: Bool?
  /// Some of its output was dropped at the limit or could not be written.
  public var truncated: Bool?
  /// It waits for a slot.
  public var queued: Bool?
  /// What ended it, once it has ended having run, or was stopped before.
  public var endedBy: EndedBy?
  /// With ``EndedBy/stop`` and ``EndedBy/shutdown``, where it is known.
  public var stoppedBy: StoppedBy?

  enum CodingKeys: String, CodingKey {
    case status, signal, truncated, queued
    case errorMessage = "error_msg"
    case errorCode = "error_code"
    case exitCode = "exit_code"
    case timedOut = "timed_out"
    case endedBy = "ended_by"
    case stoppedBy = "stopped_by"
  }

  public init(
    status: JobState, errorMessage: String? = nil, errorCode: CommandError? = nil, exitCode: Int32? = nil,
    signal: Int32? = nil, timedOut: Bool? = nil, truncated: Bool? = nil, queued: Bool? = nil,
    endedBy: EndedBy? = nil, stoppedBy: StoppedBy? = nil
  ) {
    (self.status, self.errorMessage, self.errorCode) = (status, errorMessage, errorCode)
    self.exitCode = exitCode
    (self.signal, self.timedOut, self.truncated, self.queued) = (signal, timedOut, truncated, queued)
    (self.endedBy, self.stoppedBy) = (endedBy, stoppedBy)
  }
}

/// `POST /jobs:run`: the members of ``StatusReply``, with the job's id and its output.
public struct RunReply: Codable, Sendable, Equatable {
  public var id: JobID
  public var state: StatusReply
  /// Absent while the job runs.
  public var output: OutputReply?

  private enum CodingKeys: String, CodingKey { case id, stdout, stderr }

  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    id = try members.decode(JobID.self, forKey: .id)
    state = try StatusReply(from: decoder)
    output = members.contains(.stdout) ? try OutputReply(from: decoder) : nil
  }

  public func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encode(id, forKey: .id)
    try state.encode(to: encoder)
    try output?.encode(to: encoder)
  }
}

/// `GET /jobs/<id>/output`. Bytes that are not UTF-8 are replaced with U+FFFD.
public struct OutputReply: Codable, Sendable, Equatable {
  public var stdout: String
  public var stderr: String
  /// Present and true when some output was dropped at the limit or could not be written.
  public var truncated: Bool?

  public init(stdout: String, stderr: String, truncated: Bool? = nil) {
    (self.stdout, self.stderr, self.truncated) = (stdout, stderr, truncated)
  }
}

/// `GET /runners`: what may launch the client's jobs, by name; `none` is having no runner.
public struct RunnersReply: Codable, Sendable, Equatable {
  public struct Entry: Codable, Sendable, Equatable {
    public var name: String
    /// Members of ``JobLimits`` that are enforced, sorted.
    public var limits: [String]
    /// Jobs that name no runner have this one.
    public var isDefault: Bool

    enum CodingKeys: String, CodingKey {
      case name, limits
      case isDefault = "default"
    }

    public init(name: String, limits: [String], isDefault: Bool) {
      (self.name, self.limits, self.isDefault) = (name, limits, isDefault)
    }
  }

  public var runners: [Entry]
  public init(runners: [Entry]) { self.runners = runners }
}

/// The body of a reply that says what went wrong (RFC 9457), with the member `error` beside `detail`.
public struct ProblemReply: Codable, Sendable, Equatable {
  public var title: String?
  public var status: Int?
  public var detail: String?
  public var error: String
}
