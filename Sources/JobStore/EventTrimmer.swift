/// Drops old events. The writer's thread only.
final class EventTrimmer {
  private let database: Database
  private let clients: StoredClients
  private let rows, drop, note: Statement

  /// Rows dropped in one transaction: bounds how long creations wait.
  private static let mostRows = 2000

  init(_ database: Database, _ clients: StoredClients) throws(StoreError) {
    self.database = database
    self.clients = clients
    rows = try database.prepare("SELECT last, at, count FROM events WHERE client = ?1 ORDER BY last")
    drop = try database.prepare("DELETE FROM events WHERE client = ?1 AND last <= ?2")
    note = try database.prepare("UPDATE clients SET trimmed = ?2, events = events - ?3 WHERE id = ?1")
  }

  /// Drops events of a client that are too many or older than `oldest`. True: there is more to drop.
  func trim(_ client: Int64, most: Int64, oldest: Int64) throws(StoreError) -> Bool {
    let excess = clients.totals(of: client).events - most
    var (last, count, looked): (Int64?, Int64, Int) = (nil, 0, 0)
    rows.bind(client)
    while looked < Self.mostRows, try rows.step(), count < excess || rows.integer(1) < oldest {
      last = rows.integer(0)
      count += rows.integer(2)
      looked += 1
    }
    rows.reset()
    guard let last else { return false }
    try dropEvents(of: client, through: last, count: count)
    return looked == Self.mostRows
  }

  private func dropEvents(of client: Int64, through last: Int64, count: Int64) throws(StoreError) {
    do {
      try database.execute("BEGIN IMMEDIATE")
      try drop.run(client, last)
      try note.run(client, last, count)
      try database.execute("COMMIT")
    } catch {
      database.rollback()
      throw error
    }
    clients.commit([client: ClientTotals(events: -count)], inserted: [])
  }
}
