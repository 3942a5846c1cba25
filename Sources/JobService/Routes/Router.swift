import CJobHTTP
import JobAPI
import JobModel

/// From a route to its handler. Each handler decodes, looks the job up by ``owner(of:_:_:)``, which decides who may do
/// what with it, and encodes.
extension Worker {
  func begin(_ route: Route, _ id: JobID?, _ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    if try isAnswered(route, id, exchange, head) { return JC_BODY_NONE }
    switch route {
    case .create, .batch, .signal, .stop, .resize: return try beginWithBody(route, id, exchange, head)
    case .run: return try beginRun(exchange, head)
    case .stdin: return try beginInput(id!, exchange, head)
    case .status: try status(id!, exchange, head)
    case .output: try output(id!, exchange, head)
    case .delete: try delete(id!, exchange, head)
    case .stdout: try stream(.stdout, id!, exchange, head)
    case .stderr: try stream(.stderr, id!, exchange, head)
    case .log: try log(id!, exchange, head)
    case .detail: try detail(id!, exchange, head)
    case .list: try list(exchange, head)
    case .events: try events(exchange, head)
    case .runners: try runners(exchange, head)
    case .metrics: try metrics(exchange, head)
    case .description:
      _ = try head.query()
      exchange.reply(encoded: Array(OpenAPIDescription.json.utf8))
    case .page: try page("index.html", exchange, head)
    case .pageFile: try page(head.pageFile, exchange, head)
    }
    return JC_BODY_NONE
  }

  /// Of the routes without entity tags: whether a condition of the request was answered with 304. What is not there has
  /// its 404 first.
  private func isAnswered(_ route: Route, _ id: JobID?, _ exchange: Exchange, _ head: RequestHead) throws
    -> Bool
  {
    guard head.isConditional, !route.hasTag else { return false }
    if let id { _ = try job(id, exchange.principal, route) }
    guard try head.isKnown(tag: nil) else { return false }
    exchange.reply(304)
    return true
  }

  /// Routes whose body is JSON and is read whole.
  private func beginWithBody(_ route: Route, _ id: JobID?, _ exchange: Exchange, _ head: RequestHead) throws
    -> jc_body
  {
    let isRun = try route == .batch && head.query(allowed: "run").flag("run")
    let writer = try route == .resize ? head.query(allowed: "writer").writer() : nil
    if route != .batch, route != .resize { _ = try head.query() }
    if route != .stop { try head.requireBody() }
    try head.requireJSON()
    switch route {
    case .create:
      let creator = try creator(exchange, head)
      exchange.begin(
        BodyTask(self) { [unowned self] exchange, body, _ in try create(exchange, body, creator) })
    case .batch:
      let creator = try creator(exchange, head)
      exchange.begin(isRun ? BatchRunTask(self, creator) : BatchTask(self, creator))
    default:
      let (id, client) = (id!, try job(id!, exchange.principal, route).record.client)
      let task = BodyTask(self) { [unowned self] exchange, body, _ in
        // It may have been launched, or have ended, while the body came.
        guard let record = try record(id, of: client) else { throw NoSuchJob(route) }
        switch route {
        case .signal: try signal(record, exchange, body)
        case .resize: try resize(record, as: writer, exchange, body)
        default: try stop(record, exchange, body)
        }
      }
      return begin(task, exchange, head, JC_BODY_WHOLE)
    }
    return JC_BODY_WHOLE
  }

  /// Begins a task for the body of a request, which is empty when there is none.
  func begin(_ task: ExchangeTask, _ exchange: Exchange, _ head: RequestHead, _ how: jc_body) -> jc_body {
    exchange.begin(task)
    if head.hasBody { return how }
    task.body(exchange, UnsafeRawBufferPointer(start: nil, count: 0), last: true)
    return JC_BODY_NONE
  }

  /// The job as it is now, when who asks may do that with it.
  func job(_ id: JobID, _ principal: Principal, _ route: Route) throws -> JobTable.Entry {
    let client = try owner(of: id, principal, route)
    if let entry = api.table.entry(id, of: client) { return entry }
    return JobTable.Entry(record: try stored(id, of: client, route), pid: 0)
  }

  /// The job as it is now, wherever that is known. Nil: it is not there, or another client's.
  func record(_ id: JobID, of client: Int64) throws -> JobRecord? {
    try api.table.entry(id, of: client)?.record ?? reader.job(client: client, id: id)
  }

  /// Has the exchange woken when the job changes, which is as told. Nil as for ``record(_:of:)``.
  func observe(_ id: JobID, of client: Int64, _ exchange: Exchange) throws -> JobTable.Entry? {
    try api.table.observe(id, of: client, observer(exchange)) { try reader.job(client: client, id: id) }
  }

  /// A job that is not in the table.
  func stored(_ id: JobID, of client: Int64, _ route: Route) throws -> JobRecord {
    guard let record = try reader.job(client: client, id: id) else { throw NoSuchJob(route) }
    return record
  }

}

extension Route {
  fileprivate var hasTag: Bool { [.stdout, .stderr, .page, .pageFile].contains(self) }
}

extension RequestHead {
  func requireBody() throws(Problem) {
    guard hasBody || header("content-length") != nil else {
      throw Problem(411, "this request needs a body: send it with Content-Length or chunked")
    }
  }

  /// JSON, unnamed, or what curl calls its `-d` by default.
  func requireJSON() throws(Problem) {
    guard let type = header("content-type") else { return }
    let essence = type.prefix { $0 != ";" && $0 != " " && $0 != "\t" }.lowercased()
    guard ["application/json", "application/x-www-form-urlencoded"].contains(essence) else {
      throw Problem(415, "the body must be application/json, not what the Content-Type says")
    }
    guard header("content-encoding") == nil else { throw Problem(415, "Content-Encoding is not understood") }
  }

  func idempotencyKey() throws(Problem) -> String? {
    guard let key = header("idempotency-key") else { return nil }
    guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw Problem(400, "Idempotency-Key must be 1 to 255 printable ASCII characters")
    }
    return key
  }
}
