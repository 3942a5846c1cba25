import FoundationEssentials
import JobAPI

/// ``CreateRequest`` by a scan of the body and the system's decoder: what the reader of bodies is compared with.
struct DecodedRequest: Decodable {
  var request = CreateRequest(cmd: "")

  static func read(_ body: [UInt8]) throws -> CreateRequest {
    do {
      try body.withUnsafeBytes { try JSONScan.check($0, most: CreateRequest.mostValues) }
      return try JSONDecoder().decode(DecodedObject<DecodedRequest>.self, from: Data(body)).body.request
    } catch let error as DecodingError {
      throw InvalidRequest(explain(error))
    }
  }

  enum CodingKeys: String, CodingKey {
    case cmd, args, env, cwd, stdin, tty, timeout, grace, labels, merge, user, group, priority, queue, limits,
      runner
    case secretEnv = "secret_env"
    case stdinBase64 = "stdin_base64"
    case stdinOpen = "stdin_open"
    case outputLimit = "output_limit"
    case onLimit = "on_limit"
    case queueSlots = "queue_slots"
  }

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: CodingKeys.self)
    request.cmd = try object.decode(String.self, forKey: .cmd)
    request.args = try object.decodeIfPresent([String].self, forKey: .args) ?? []
    request.env = try object.decodeIfPresent([String: String].self, forKey: .env)
    request.secretEnv = try object.decodeIfPresent([String: String].self, forKey: .secretEnv)
    request.cwd = try object.decodeIfPresent(String.self, forKey: .cwd)
    request.stdin = try object.decodeIfPresent(String.self, forKey: .stdin)
    request.stdinBase64 = try object.decodeIfPresent(String.self, forKey: .stdinBase64)
    request.stdinOpen = try object.decodeIfPresent(Bool.self, forKey: .stdinOpen)
    request.tty = try Self.inner(DecodedSize.self, object, .tty)?.size
    request.timeout = try object.decodeIfPresent(DurationText.self, forKey: .timeout)
    request.grace = try object.decodeIfPresent(DurationText.self, forKey: .grace)
    request.labels = try object.decodeIfPresent([String: String].self, forKey: .labels)
    request.merge = try object.decodeIfPresent(Bool.self, forKey: .merge)
    request.outputLimit = try Self.whole(object, .outputLimit)
    request.onLimit = try object.decodeIfPresent(CreateRequest.LimitAction.self, forKey: .onLimit)
    request.user = try object.decodeIfPresent(String.self, forKey: .user)
    request.group = try object.decodeIfPresent(String.self, forKey: .group)
    request.priority = try Self.whole(object, .priority)
    request.queue = try object.decodeIfPresent(String.self, forKey: .queue)
    request.queueSlots = try Self.whole(object, .queueSlots)
    request.limits = try Self.inner(JobLimits.self, object, .limits)
    request.runner = try object.decodeIfPresent(String.self, forKey: .runner)
  }

  /// A member that is an object.
  private static func inner<Body: DecodedBody>(
    _ type: Body.Type, _ object: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys
  ) throws -> Body? {
    do {
      return try object.decodeIfPresent(DecodedObject<Body>.self, forKey: key)?.body
    } catch let error as InvalidRequest {
      throw InvalidRequest(member: key.stringValue, "is not right: \(error)")
    }
  }

  /// The decoder takes a fraction in place of an integer for malformed JSON.
  private static func whole(_ object: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) throws -> Int64?
  {
    guard let number = try object.decodeIfPresent(Double.self, forKey: key) else { return nil }
    guard let whole = Int64(exactly: number) else {
      throw DecodingError.typeMismatch(
        Int64.self, .init(codingPath: object.codingPath + [key], debugDescription: "not a whole number"))
    }
    return whole
  }

  /// Says which member of this body has the wrong type.
  private static func explain(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context) where context.codingPath.isEmpty:
      return "member \"\(key.stringValue)\" is missing: it must be \(CreateRequest.allowed(key.stringValue))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context): return explain(context.codingPath)
    case .dataCorrupted(let context) where !context.codingPath.isEmpty: return explain(context.codingPath)
    default: return "the body is not JSON (RFC 8259)"
    }
  }

  private static func explain(_ path: [any CodingKey]) -> String {
    guard let name = path.first?.stringValue else { return "the body must be a JSON object" }
    let what = "member \"\(name)\" must be \(CreateRequest.allowed(name))"
    guard path.count > 1 else { return what }
    let item = path[1].intValue.map { "item \($0)" } ?? "\"\(path[1].stringValue)\""
    return "\(what); \(item) is not"
  }
}

/// Looks at the names of an object's members before its values.
struct DecodedObject<Body: DecodedBody>: Decodable {
  let body: Body

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: AnyKey.self)
    for key in object.allKeys {
      guard let place = Body.known.names.firstIndex(of: key.stringValue) else {
        let known = Body.known.names.sorted().joined(separator: ", ")
        throw InvalidRequest("unknown member \"\(printable(key.stringValue))\"; known are \(known)")
      }
      if try object.decodeNil(forKey: key) {
        throw InvalidRequest("member \"\(key.stringValue)\" must be \(Body.known.words[place]), not null")
      }
    }
    body = try Body(from: decoder)
    try body.check()
  }
}

protocol DecodedBody: Decodable {
  static var known: BodyMembers { get }
  func check() throws(InvalidRequest)
}

extension DecodedRequest: DecodedBody {
  static var known: BodyMembers { CreateRequest.members }
  func check() throws(InvalidRequest) { try request.validate() }
}

extension JobLimits: DecodedBody {
  static var known: BodyMembers { members }
  func check() throws(InvalidRequest) { try validate() }
}

struct DecodedSize: DecodedBody {
  var rows, columns: Int64?

  var size: TerminalSize { TerminalSize(rows: rows ?? 0, columns: columns ?? 0) }
  static var known: BodyMembers { TerminalSize.members }
  func check() throws(InvalidRequest) {
    for (name, value) in [("rows", rows), ("columns", columns)] where value == nil {
      throw InvalidRequest("member \"\(name)\" is missing: it must be \(TerminalSize.allowed(name))")
    }
    try size.validate()
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
