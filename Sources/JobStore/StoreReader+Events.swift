/// Events of one client, oldest first.
package struct EventPage: Equatable, Sendable {
  package var events: [StoredEvent] = []
  /// Events after the one asked for were dropped by retention: these do not follow on it.
  package var hasGap = false
}

extension StoreReader {
  /// The client's events with numbers above `after`, at least one and hardly more than `limit` if there are any.
  package func events(client: Int64, after: Int64, limit: Int) throws(StoreError) -> EventPage {
    var page = EventPage()
    let rows = statements.events
    rows.bind(client, after)
    defer { rows.reset() }
    while page.events.count < limit, try rows.step() {
      page.events += try StoredEvent.all(in: rows.view(0)).filter { $0.number > after }
    }
    page.hasGap = try lastDropped(client) > after
    return page
  }

  /// The number of the client's last event that retention dropped; 0: none.
  private func lastDropped(_ client: Int64) throws(StoreError) -> Int64 {
    try statements.trimmed.first(client) { $0.integer(0) } ?? 0
  }

  /// The number of the client's newest event; 0: it has none.
  package func lastEvent(client: Int64) throws(StoreError) -> Int64 {
    max(try statements.newest.first(client) { $0.integer(0) } ?? 0, try lastDropped(client))
  }

  /// As ``lastEvent(client:)``, of all clients that have created something.
  package func lastEvents() throws(StoreError) -> [Int64: Int64] {
    defer { statements.allNewest.reset() }
    var numbers: [Int64: Int64] = [:]
    while try statements.allNewest.step() {
      numbers[statements.allNewest.integer(0)] = statements.allNewest.integer(1)
    }
    return numbers
  }
}
