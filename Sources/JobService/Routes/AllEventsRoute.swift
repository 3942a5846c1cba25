import JobAPI
import JobStore

/// `GET /events?client=*&after=now`: what happens to all clients' jobs. Each client's events have numbers of their own, so
/// that no number says where all of them go on: only what is to come is told.
extension Worker {
  func allEvents(_ query: Query, _ exchange: Exchange, _ head: RequestHead) throws {
    guard query["after"] == "now" else {
      throw Problem(
        400,
        "events are numbered for each client: those of all are told from now on only, with query parameter \"after\" as now"
      )
    }
    let form = EventForm(head)
    guard try query.flag("follow"), !head.isHead else {
      form.beginReply(exchange)
      return exchange.endReply()
    }
    let task = AllEventsTask(self, form, try followerPermit(exchange), exchange)
    exchange.begin(task)
    try task.begin()
    form.beginReply(exchange)
    task.wake(exchange)
  }
}

private final class AllEventsTask: StreamTask {
  private let form: EventForm
  private let permit: FollowerPermit
  private let observer: JobTable.Observer
  /// By the store's numbers of clients: each one's last event that was told or is not to be told.
  private var last: [Int64: Int64] = [:]
  private var changed: Set<Int64> = []
  /// Of a turn: about two milliseconds.
  private static let page = 64

  init(_ worker: Worker, _ form: EventForm, _ permit: FollowerPermit, _ exchange: Exchange) {
    (self.form, self.permit, observer) = (form, permit, worker.observer(exchange))
    super.init(worker, failure: "events_failed")
  }

  /// Registered first, read then: what is committed in between is told as changed.
  func begin() throws {
    worker.api.eventFollowers.addToAll(observer)
    last = try worker.reader.lastEvents()
  }

  override func ended(_ end: ExchangeEnd) { worker.api.eventFollowers.removeFromAll(observer) }

  override func send(_ exchange: Exchange) throws -> Bool {
    changed.formUnion(worker.api.eventFollowers.takeChanged(observer))
    if let client = changed.first {
      let page = try worker.reader.events(client: client, after: last[client] ?? 0, limit: Self.page)
      // It was so slow that some are not kept any more: it has to look anew.
      if page.hasGap { return true }
      if let number = page.events.last?.number { last[client] = number }
      if page.events.count < Self.page { changed.remove(client) }
      let name = try worker.clientName(client, for: exchange.principal)
      guard exchange.write(page.events.flatMap { form.encode($0, of: name) }) else { return false }
      if !changed.isEmpty {
        exchange.wake()
        return false
      }
    }
    return worker.api.eventFollowers.isOver
  }
}
