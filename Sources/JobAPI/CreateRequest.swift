/// The body of `PUT /jobs`, and each member of `POST /jobs:batch`.
public struct CreateRequest: Codable, Sendable, Equatable {
  /// The program: a path, or a name looked up in `PATH` of the job's environment.
  public var cmd: String
  /// Its arguments, without the program's own name.
  public var args: [String]
  /// Added to the fixed environment of jobs; replaces members of the same name.
  public var env: [String: String]?
  /// Working directory, absolute; `/` when absent.
  public var cwd: String?
  /// Standard input as text. At most one of `stdin`, `stdinBase64` and `stdinOpen` may be given.
  public var stdin: String?
  /// Standard input as base64 (RFC 4648, section 4).
  public var stdinBase64: String?
  /// Standard input stays open and is fed by `PUT /jobs/<id>/stdin`.
  public var stdinOpen: Bool?
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

  public enum LimitAction: String, Codable, Sendable { case truncate, kill }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case cmd, args, env, cwd, stdin, timeout, grace, labels, merge, user, group
    case stdinBase64 = "stdin_base64"
    case stdinOpen = "stdin_open"
    case outputLimit = "output_limit"
    case onLimit = "on_limit"
  }

  public init(cmd: String, args: [String] = []) {
    self.cmd = cmd
    self.args = args
  }

  public init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: CodingKeys.self)
    cmd = try object.decode(String.self, forKey: .cmd)
    args = try object.decodeIfPresent([String].self, forKey: .args) ?? []
    env = try object.decodeIfPresent([String: String].self, forKey: .env)
    cwd = try object.decodeIfPresent(String.self, forKey: .cwd)
    stdin = try object.decodeIfPresent(String.self, forKey: .stdin)
    stdinBase64 = try object.decodeIfPresent(String.self, forKey: .stdinBase64)
    stdinOpen = try object.decodeIfPresent(Bool.self, forKey: .stdinOpen)
    timeout = try object.decodeIfPresent(DurationText.self, forKey: .timeout)
    grace = try object.decodeIfPresent(DurationText.self, forKey: .grace)
    labels = try object.decodeIfPresent([String: String].self, forKey: .labels)
    merge = try object.decodeIfPresent(Bool.self, forKey: .merge)
    outputLimit = try Self.wholeNumber(object, .outputLimit)
    onLimit = try object.decodeIfPresent(LimitAction.self, forKey: .onLimit)
    user = try object.decodeIfPresent(String.self, forKey: .user)
    group = try object.decodeIfPresent(String.self, forKey: .group)
  }

  /// The decoder takes a fraction in place of an integer for malformed JSON; this names the member instead.
  private static func wholeNumber(
    _ object: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys
  ) throws -> Int64? {
    guard let number = try object.decodeIfPresent(Double.self, forKey: key) else { return nil }
    guard let whole = Int64(exactly: number) else {
      let path = object.codingPath + [key]
      throw DecodingError.typeMismatch(
        Int64.self, .init(codingPath: path, debugDescription: "not a whole number"))
    }
    return whole
  }
}
