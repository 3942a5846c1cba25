import FoundationEssentials
import JobAPI

/// The API's calls, typed. One connection, opened when it is needed and opened again when it was lost between two
/// calls. Blocking; one thread at a time.
public final class JobClient {
  public let settings: ConnectionSettings
  private var open: Connection?

  public init(_ settings: ConnectionSettings) { self.settings = settings }

  /// The connection, made when there is none that can be used.
  public func connection() throws(ClientError) -> Connection {
    if let open, open.isReusable { return open }
    let made = try Connection(settings)
    open = made
    return made
  }

  /// Forgets the connection: the next call makes another.
  public func disconnect() { open = nil }

  /// A request and its whole reply, read as `Reply`.
  public func call<Reply: Decodable>(
    _ route: Route, _ target: String, headers: String? = nil, body: [UInt8] = [], as: Reply.Type = Reply.self
  ) throws(ClientError) -> Reply {
    let bytes = try callBytes(route, target, headers: headers, body: body)
    do {
      return try JSONDecoder().decode(Reply.self, from: Data(bytes))
    } catch {
      throw .malformed(
        "the server's reply to \(route.rawValue) is not understood: is it jobd of this version?")
    }
  }

  /// A request and the bytes of its reply.
  @discardableResult
  public func callBytes(
    _ route: Route, _ target: String, headers: String? = nil, body: [UInt8] = []
  ) throws(ClientError) -> [UInt8] {
    let isFresh = !(open?.isReusable ?? false)
    do throws(ClientError) {
      return try exchange(route, target, headers, body)
    } catch {
      // A kept connection may have been closed by the server just then: what changes nothing is asked once more.
      guard case .closed = error, !isFresh, route.method == "GET" else { throw error }
      disconnect()
      return try exchange(route, target, headers, body)
    }
  }

  private func exchange(
    _ route: Route, _ target: String, _ headers: String?, _ body: [UInt8]
  ) throws(ClientError) -> [UInt8] {
    let connection = try connection()
    let type = body.isEmpty ? "" : "Content-Type: application/json\r\n"
    try connection.send(route.method, target, headers: type + (headers ?? ""), body: body)
    return try Self.check(connection)
  }

  /// The body of a reply that succeeded; else what went wrong.
  public static func check(_ connection: Connection) throws(ClientError) -> [UInt8] {
    let status = try connection.reply()
    guard status >= 300 else { return try connection.readAll() }
    throw try failure(connection, status)
  }

  /// Reads the reply to a request that failed.
  public static func failure(_ connection: Connection, _ status: Int) throws(ClientError) -> ClientError {
    let retryAfter = connection.header("retry-after").flatMap { Int($0) }
    let bytes = try connection.readAll(most: 1 << 20)
    let problem = try? JSONDecoder().decode(ProblemReply.self, from: Data(bytes))
    if status == 404, problem == nil || problem?.error == "there is no such job" { return .notFound }
    return .status(status, problem?.error ?? "the server answered \(status)", retryAfter: retryAfter)
  }

  static func encode(_ body: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // Bodies are plain values: there is nothing in them that JSON cannot say.
    return [UInt8](try! encoder.encode(body))
  }
}

extension JobClient {
  /// Creates a job. `key`: a retry with the same one gives the same job.
  public func create(_ request: CreateRequest, key: String? = nil) throws(ClientError) -> JobID {
    let headers = key.map { "Idempotency-Key: \($0)\r\n" }
    return try call(
      .create, Route.create.target(), headers: headers, body: Self.encode(request), as: CreateReply.self
    ).id
  }

  /// `wait`: hold the reply until the job has ended, at most this long.
  public func status(_ id: JobID, wait: DurationText? = nil) throws(ClientError) -> StatusReply {
    try call(.status, Route.status.target(id, ["wait": wait?.description]))
  }

  public func detail(_ id: JobID) throws(ClientError) -> JobDetail {
    try call(.detail, Route.detail.target(id))
  }

  public func list(_ query: Query) throws(ClientError) -> JobList {
    try call(.list, Route.list.target(query))
  }

  public func delete(_ id: JobID) throws(ClientError) { try callBytes(.delete, Route.delete.target(id)) }

  public func signal(_ id: JobID, _ request: SignalRequest) throws(ClientError) {
    try callBytes(.signal, Route.signal.target(id), body: Self.encode(request))
  }

  public func stop(_ id: JobID, _ request: StopRequest) throws(ClientError) -> StatusReply {
    try call(.stop, Route.stop.target(id), body: Self.encode(request))
  }

  /// Streams a reply's body to `take`, which is given each piece.
  public func stream(
    _ route: Route, _ target: String, accept: String? = nil, take: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    let connection = try connection()
    try connection.send(route.method, target, headers: accept.map { "Accept: \($0)\r\n" })
    let status = try connection.reply()
    guard status < 300 else { throw try Self.failure(connection, status) }
    var block = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try block.withUnsafeMutableBytes { try connection.read(into: $0) }
      guard count > 0 else { return }
      try take(block[0..<count])
    }
  }
}
