/// The body of `POST /jobs/<id>/signal`.
public struct SignalRequest: Codable, Sendable, Equatable {
  /// A name, with or without `SIG`, or a number.
  public var signal: SignalName
  /// To the whole tree instead of the first process.
  public var tree: Bool?

  public init(signal: SignalName, tree: Bool? = nil) {
    (self.signal, self.tree) = (signal, tree)
  }
}

/// The body of `POST /jobs/<id>/stop`; the whole body may be absent.
public struct StopRequest: Codable, Sendable, Equatable {
  /// Time between TERM and KILL; the job's own, else the daemon's, when absent.
  public var grace: DurationText?
  /// Only while it waits for a slot: one that has begun is refused with 409, and goes on.
  public var queued: Bool?

  public init(grace: DurationText? = nil, queued: Bool? = nil) { (self.grace, self.queued) = (grace, queued) }
}

/// The body of `POST /jobs:batch`.
public struct BatchRequest: Codable, Sendable, Equatable {
  public static let most = 1000
  public var jobs: [CreateRequest]
  public init(jobs: [CreateRequest]) { self.jobs = jobs }
}

/// The reply to ``BatchRequest``: a result for each of its jobs, in their order.
public struct BatchReply: Codable, Sendable, Equatable {
  public struct Result: Codable, Sendable, Equatable {
    public var id: JobID?
    /// What went wrong, and the HTTP status it would have had alone.
    public var error: String?
    public var status: Int?

    public init(id: JobID) { self.id = id }

    public init(error: String, status: Int) {
      (self.error, self.status) = (error, status)
    }
  }

  public var results: [Result]
  public init(results: [Result]) { self.results = results }
}

/// Why a job takes no input (409), where that is nobody's fault.
public enum InputEnded {
  public static let text = "the job's standard input is closed: the job ended or closed it"
}
