/// `GET /jobs/<id>`, and each member of ``JobList``: one object with the members of these three. The environment and
/// standard input are withheld, because they may hold secrets.
@dynamicMemberLookup
public struct JobDetail: Codable, Sendable, Equatable {
  /// What was asked for.
  public var request: CreateRequest
  /// What `GET /jobs/<id>/status` says of it.
  public var state: StatusReply
  public var facts: JobFacts

  public init(request: CreateRequest, state: StatusReply, facts: JobFacts) {
    (self.request, self.state, self.facts) = (request, state, facts)
  }

  public init(from decoder: any Decoder) throws {
    request = try CreateRequest(from: decoder)
    state = try StatusReply(from: decoder)
    facts = try JobFacts(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    try request.encode(to: encoder)
    try state.encode(to: encoder)
    try facts.encode(to: encoder)
  }

  public subscript<Value>(dynamicMember path: KeyPath<CreateRequest, Value>) -> Value {
    request[keyPath: path]
  }
  public subscript<Value>(dynamicMember path: KeyPath<StatusReply, Value>) -> Value { state[keyPath: path] }
  public subscript<Value>(dynamicMember path: KeyPath<JobFacts, Value>) -> Value { facts[keyPath: path] }

  /// Some of the output was dropped at the limit or could not be written.
  public var truncated: Bool { facts.truncated }
}

/// What is known of a job beside what was asked for and its state. Times are RFC 3339 in UTC with microseconds.
public struct JobFacts: Codable, Sendable, Equatable {
  public var id: JobID
  /// Whose it is; for those whose role lets them see others' jobs.
  public var client: String?
  public var created: String
  public var started: String?
  public var finished: String?
  /// Of the first process, while it runs.
  public var pid: Int32?
  /// Bytes kept of each stream, and bytes dropped at the limit.
  public var stdoutBytes: Int64 = 0
  public var stderrBytes: Int64 = 0
  /// Bytes of input that have come for it by `PUT /jobs/<id>/stdin`, while it runs: where the next belong.
  public var stdinBytes: Int64?
  /// Who writes into its terminal, as what it calls itself; nil: nobody, or it is told of in a list.
  public var writer: String?
  public var stdoutDropped: Int64?
  public var stderrDropped: Int64?
  public var truncated = false
  /// The supervisor that started the job ended or was replaced, and another went on with it.
  public var adopted: Bool?
  public var usage: ResourceUsage?
  /// While it waits for a slot: how many of the client's own jobs that wait go before it, counted up to
  /// ``mostAhead``.
  public var ahead: Int?
  public static let mostAhead = 10_000
  /// Where its time went.
  public var times: JobTimes
  /// Whether what its runner may have left of it, once the job itself is over, is being ended. Absent: there is nothing.
  public var cleanup: Cleanup?
  /// What went wrong with its runner's command for signals or for the cleanup.
  public var runnerError: String?
  /// What the request that created it had in its header of this name (W3C Trace Context).
  public var traceparent: String?

  public enum Cleanup: String, Codable, Sendable {
    /// The daemon goes on until nothing is left.
    case pending
    case done
  }

  enum CodingKeys: String, CodingKey {
    case id, client, created, started, finished, pid, writer, truncated, adopted, usage, ahead, times,
      cleanup, traceparent
    case stdoutBytes = "stdout_bytes"
    case stderrBytes = "stderr_bytes"
    case stdinBytes = "stdin_bytes"
    case stdoutDropped = "stdout_dropped"
    case stderrDropped = "stderr_dropped"
    case runnerError = "runner_error"
  }

  public init(id: JobID, created: String) {
    (self.id, self.created, times) = (id, created, JobTimes(created: created))
  }
}

/// What a job's processes used, up to now while it runs, as the kernel counted it.
public struct ResourceUsage: Codable, Sendable, Equatable {
  /// CPU time in microseconds.
  public var userMicroseconds: Int64
  public var systemMicroseconds: Int64
  /// Absent: it was less than the daemon's own, and is not known.
  public var maxResidentKiB: Int64?
  /// What they have in memory now, in bytes, while it runs.
  public var memoryBytes: Int64?
  /// Microseconds for which they could have run, and were held back by the job's limit of CPUs. Absent: none, or not known.
  public var throttledMicroseconds: Int64?

  enum CodingKeys: String, CodingKey {
    case userMicroseconds = "user_us"
    case systemMicroseconds = "system_us"
    case maxResidentKiB = "max_rss_kib"
    case memoryBytes = "memory_bytes"
    case throttledMicroseconds = "throttled_us"
  }

  public init(
    userMicroseconds: Int64, systemMicroseconds: Int64, maxResidentKiB: Int64?, memoryBytes: Int64? = nil,
    throttledMicroseconds: Int64? = nil
  ) {
    (self.userMicroseconds, self.systemMicroseconds) = (userMicroseconds, systemMicroseconds)
    (self.maxResidentKiB, self.memoryBytes) = (maxResidentKiB, memoryBytes)
    self.throttledMicroseconds = throttledMicroseconds
  }
}

/// `GET /jobs`: newest first. `next` is the cursor of the page after this one; absent on the last.
public struct JobList: Codable, Sendable, Equatable {
  public var jobs: [JobDetail]
  public var next: String?
  /// Who asks.
  public var client: String?
  /// The role of who asks, where that is another than owner.
  public var role: String?

  public init(jobs: [JobDetail], next: String? = nil, client: String? = nil, role: String? = nil) {
    (self.jobs, self.next, self.client, self.role) = (jobs, next, client, role)
  }
}
