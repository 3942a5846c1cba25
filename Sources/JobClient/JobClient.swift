import FoundationEssentials
@_exported import JobAPI

/// The API's calls, typed. One connection, opened when it is needed and opened again when it was lost between two
/// calls. Blocking; one thread at a time.
///
///     let client = JobClient(settings)
///     let id = try client.create(CreateRequest(cmd: "uname", args: ["-a"]))
///     let status = try client.status(id, wait: DurationText("30s"))
public final class JobClient {
  public let settings: ConnectionSettings
  /// What the caller does this for (W3C Trace Context): the jobs that it creates have it.
  public var traceparent: Traceparent?
  private var open: Connection?

  public init(_ settings: ConnectionSettings) { self.settings = settings }

  /// The connection, made when there is none that can be used.
  public func connection() throws(ClientError) -> Connection {
    if let open, open.isReusable { return open }
    open = nil
    let made = try Connection(settings)
    open = made
    return made
  }

  /// Closes the connection: the next call makes another.
  public func disconnect() { open = nil }

  /// A request and its whole reply, read as `Reply`.
  public func call<Reply: Decodable>(
    _ route: Route, _ target: String, headers: String? = nil, body: [UInt8] = [], as: Reply.Type = Reply.self
  ) throws(ClientError) -> Reply {
    try Self.decode(try callBytes(route, target, headers: headers, body: body), of: route)
  }

  /// A request and the bytes of its reply. `headers`: lines that end in CR LF.
  @discardableResult
  public func callBytes(
    _ route: Route, _ target: String, headers: String? = nil, body: [UInt8] = []
  ) throws(ClientError) -> [UInt8] {
    try ask(route, target, headers: headers, body: body).readAll()
  }

  /// Sends a request and reads the head of its reply, which succeeded. What changes nothing is asked once more when a
  /// kept connection turns out to have been closed by the server.
  func ask(
    _ route: Route, _ target: String, headers: String? = nil, body: [UInt8] = []
  ) throws(ClientError) -> Connection {
    let isKept = open?.isReusable ?? false
    do throws(ClientError) {
      return try exchange(route, target, headers, body)
    } catch .closed where isKept && route.method == "GET" {
      disconnect()
      return try exchange(route, target, headers, body)
    }
  }

  private func exchange(
    _ route: Route, _ target: String, _ headers: String?, _ body: [UInt8]
  ) throws(ClientError) -> Connection {
    let connection = try connection()
    let type = body.isEmpty ? "" : "Content-Type: application/json\r\n"
    try connection.send(route.method, target, headers: type + (headers ?? ""), body: body)
    let status = try connection.reply()
    guard status < 300 else { throw try Self.failure(connection, status) }
    return connection
  }

  /// What the reply to a request that failed says.
  static func failure(_ connection: Connection, _ status: Int) throws(ClientError) -> ClientError {
    let retryAfter = connection.header("retry-after").flatMap { Int($0) }
    let bytes = try connection.readAll(most: 1 << 20)
    let problem = try? JSONDecoder().decode(ProblemReply.self, from: Data(bytes))
    if status == 404, problem == nil || problem?.error == "there is no such job" { return .notFound }
    return .status(status, problem?.error ?? "the server answered \(status)", retryAfter: retryAfter)
  }

  static func decode<Reply: Decodable>(_ bytes: some Sequence<UInt8>, of route: Route) throws(ClientError)
    -> Reply
  {
    do {
      return try JSONDecoder().decode(Reply.self, from: Data(bytes))
    } catch {
      throw .malformed(
        "the server's reply to \(route.rawValue) is not understood: is it jobd of this version?")
    }
  }
}
