/// The body of `PUT /jobs`, and each member of `POST /jobs:batch`.
public struct CreateRequest: Codable, Sendable, Equatable {
  /// The program: a path, or a name looked up in `PATH` of the job's environment.
  public var cmd: String
  /// Its arguments, without the program's own name.
  public var args: [String]
  /// Added to the fixed environment of jobs; replaces members of the same name.
  public var env: [String: String]?
  /// The same for what nobody but the job is to know: in no reply, and stored encrypted until the job starts. No name of
  /// ``env``.
  public var secretEnv: [String: String]?
  /// Working directory, absolute; `/` when absent.
  public var cwd: String?
  /// Standard input as text. At most one of `stdin`, `stdinBase64` and `stdinOpen` may be given.
  public var stdin: String?
  /// Standard input as base64 (RFC 4648, section 4).
  public var stdinBase64: String?
  /// Standard input stays open and is fed by `PUT /jobs/<id>/stdin`.
  public var stdinOpen: Bool?
  /// A terminal of this size is the job's controlling terminal and its three descriptors: all output is ``OutputStream/stdout``,
  /// and input comes by `PUT /jobs/<id>/stdin`. Excludes `stdin`, `stdinBase64`, `stdinOpen` and `merge`.
  public var tty: TerminalSize?
  /// After this long the job is ended: TERM, `grace`, KILL. A duration such as `30s`.
  public var timeout: DurationText?
  /// Time between TERM and KILL; the daemon's default when absent.
  public var grace: DurationText?
  /// Free names and values to find jobs by.
  public var labels: [String: String]?
  /// Standard error goes into standard output, in the exact order of writing.
  public var merge: Bool?
  /// Bytes kept of each stream; the daemon's default, also the most, when absent.
  public var outputLimit: Int64?
  /// What happens at the limit: `truncate` (the default) drops the rest, `kill` ends the job.
  public var onLimit: LimitAction?
  /// Run as this user and group, where the daemon may.
  public var user: String?
  public var group: String?
  /// Among the client's jobs that wait for a slot: -100 to 100, the highest first, 0 when absent; equal ones by age.
  public var priority: Int64?
  /// The client's named queue it waits in: at most ``queueSlots`` of its jobs run at once.
  public var queue: String?
  /// 1 when absent. The number of the creation that was accepted last holds for the whole queue.
  public var queueSlots: Int64?
  /// What its processes together may use; the daemon's default when absent.
  public var limits: JobLimits?
  /// The runner of the daemon's that launches it; `none`: none. The client's default when absent.
  public var runner: String?

  public enum LimitAction: String, Codable, Sendable { case truncate, kill }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case cmd, args, env, cwd, stdin, tty, timeout, grace, labels, merge, user, group, priority, queue, limits,
      runner
    case secretEnv = "secret_env"
    case stdinBase64 = "stdin_base64"
    case stdinOpen = "stdin_open"
    case outputLimit = "output_limit"
    case onLimit = "on_limit"
    case queueSlots = "queue_slots"
  }

  public init(cmd: String, args: [String] = []) {
    self.cmd = cmd
    self.args = args
  }
}

/// What `init(from:)` as the compiler makes it calls: `args` may be absent.
extension KeyedDecodingContainer where Key == CreateRequest.CodingKeys {
  func decode(_ type: [String].Type, forKey key: Key) throws -> [String] {
    try decodeIfPresent(type, forKey: key) ?? []
  }
}
