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
    rows.bind(1, client)
    rows.bind(2, after)
    defer { rows.reset() }
    while page.events.count < limit, try rows.step() {
      page.events += try StoredEvent.all(in: rows.view(0)).filter { $0.number > after }
    }
    page.hasGap = try lastDropped(client) > after
    return page
  }

  /// The number of the client's last event that retention dropped; 0: none.
  private func lastDropped(_ client: Int64) throws(StoreError) -> Int64 {
    let row = statements.trimmed
    row.bind(1, client)
    defer { row.reset() }
    return try row.step() ? row.integer(0) : 0
  }

  /// The number of the client's newest event; 0: it has none.
  package func lastEvent(client: Int64) throws(StoreError) -> Int64 {
    let row = statements.newest
    row.bind(1, client)
    defer { row.reset() }
    return max(try row.step() ? row.integer(0) : 0, try lastDropped(client))
  }
}
