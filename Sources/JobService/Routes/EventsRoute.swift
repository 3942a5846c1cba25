import JobAPI
import JobStore

/// `GET /events`: what happened to the client's jobs, as lines of JSON or as server-sent events.
extension Worker {
  func events(_ exchange: Exchange, _ head: RequestHead) throws {
    let query = try head.query(allowed: "after", "follow", "client")
    let resumed = try head.lastEventID()
    guard let client = try followedClient(query, exchange.principal) else {
      return try allEvents(query, exchange, head)
    }
    let after = try after(query, client)
    try requireNoGap(after: after ?? resumed, client)
    let form = EventForm(head)
    let permit = try query.flag("follow") ? followerPermit(exchange) : nil
    let task = EventsTask(self, form, after: after ?? resumed ?? 0, of: client, permit, exchange)
    exchange.begin(task)
    form.beginReply(exchange)
    head.isHead ? exchange.endReply() : task.begin(exchange)
  }

  /// Whose events, by the index in the table of clients; nil: all clients'.
  private func followedClient(_ query: Query, _ principal: Principal) throws -> Int? {
    switch try clients(query, principal, .events) {
    case .all: return nil
    case .one(let number) where number != self.number(of: principal):
      return api.clients.index(of: query["client"] ?? "", number: number)
    case .one, nil: return principal.client
    }
  }

  private func after(_ query: Query, _ client: Int) throws -> Int64? {
    if query["after"] == "now" { return try latest(client) }
    return try query.number("after", allowed: "the number of an event, or now").map { Int64($0) }
  }

  /// The number of the client's newest event.
  private func latest(_ client: Int) throws -> Int64 {
    try api.clients.number(client).map { try reader.lastEvent(client: $0) } ?? 0
  }
}

extension Worker {
  /// Who goes on after an event is told when some of what followed it is not kept any more.
  private func requireNoGap(after: Int64?, _ client: Int) throws {
    guard let after, after > 0, let client = api.clients.number(client) else { return }
    guard try reader.events(client: client, after: after, limit: 1).hasGap else { return }
    throw Problem(
      410, "some events after \(after) are not kept any more; ask without \"after\" for those that are")
  }
}

extension RequestHead {
  /// The event after which a client that was away goes on; nil: it says none.
  fileprivate func lastEventID() throws(Problem) -> Int64? {
    guard let text = header("last-event-id") else { return nil }
    guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int64(text)
    else {
      throw Problem(400, "Last-Event-ID must be the number of an event")
    }
    return number
  }
}

enum EventForm {
  case lines, stream

  init(_ head: RequestHead) {
    self = head.header("accept")?.contains(MediaType.eventStream) == true ? .stream : .lines
  }

  func beginReply(_ exchange: Exchange) {
    exchange.beginReply(
      200, type: self == .lines ? "application/x-ndjson" : "text/event-stream",
      fields: [HeaderField("Cache-Control", "no-store")])
  }

  /// `client`: whose job it is; nil where who asks is not told.
  func encode(_ stored: StoredEvent, of client: String?) -> [UInt8] {
    let event = JobEvent(stored, of: client)
    let json = JSONBody.encode(event)
    guard self == .stream else { return json + [0x0a] }
    return Array("id: \(event.seq)\nevent: \(event.event.rawValue)\ndata: ".utf8) + json + [0x0a, 0x0a]
  }
}

private final class EventsTask: StreamTask {
  private let form: EventForm
  private var after: Int64
  /// Nil: it does not follow.
  private let permit: FollowerPermit?
  /// Its index in the table of clients.
  private let client: Int
  private let observer: JobTable.Observer
  /// Of a turn: about two milliseconds.
  private static let page = 64

  init(
    _ worker: Worker, _ form: EventForm, after: Int64, of client: Int, _ permit: FollowerPermit?,
    _ exchange: Exchange
  ) {
    (self.form, self.after, self.permit) = (form, after, permit)
    (self.client, observer) = (client, worker.observer(exchange))
    super.init(worker, failure: "events_failed")
  }

  /// Registered first, read then: what is committed in between wakes it.
  func begin(_ exchange: Exchange) {
    if permit != nil { worker.api.eventFollowers.add(observer, of: client) }
    wake(exchange)
  }

  override func ended(_ end: ExchangeEnd) { worker.api.eventFollowers.remove(observer, of: client) }

  override func send(_ exchange: Exchange) throws -> Bool {
    if let number = worker.api.clients.number(client) {
      let page = try worker.reader.events(client: number, after: after, limit: Self.page)
      after = page.events.last?.number ?? after
      let name = try worker.clientName(number, for: exchange.principal)
      guard exchange.write(page.events.flatMap { form.encode($0, of: name) }) else { return false }
      if page.events.count >= Self.page {
        exchange.wake()
        return false
      }
    }
    return permit == nil || worker.api.eventFollowers.isOver
  }
}

extension JobEvent {
  fileprivate init(_ event: StoredEvent, of client: String?) {
    self.init(
      seq: event.number, time: TimeText.text(event.at), event: event.kind, id: event.id, client: client)
    guard event.kind == .finished else { return }
    status = StatusReply(
      status: event.state, errorMessage: event.error,
      errorCode: event.state == .error ? CommandError(exitCode: event.exitCode) : nil,
      exitCode: event.state == .completed ? event.exitCode : nil,
      signal: event.signal == 0 ? nil : event.signal, timedOut: event.flags.contains(.timedOut) ? true : nil,
      truncated: event.flags.contains(.truncated) ? true : nil, endedBy: event.endedBy,
      stoppedBy: event.stoppedBy)
  }
}
