import JobAPI
import Platform

/// Finds what a ``Retention`` lets go. The writer's thread only.
final class Retainer {
  private let writer: StoreWriter
  private let database: Database
  /// Where to go on looking for a client's jobs, after as many as may be looked at in one go.
  private var positions: [Int64: JobID] = [:]
  private let clients: StoredClients
  private let clock = AgeClock()
  private let finished, eventRows, dropRows, noteTrimmed, dropKeys: Statement

  /// Jobs told in one go, and rows looked at for them: bounds how long creations wait.
  private static let most = 500
  private static let mostRows = 5000
  /// Rows of events dropped in one transaction.
  private static let mostEventRows = 2000

  init(_ writer: StoreWriter) throws(StoreError) {
    (self.writer, database, clients) = (writer, writer.database, writer.clients)
    eventRows = try database.prepare("SELECT last, at, count FROM events WHERE client = ?1 ORDER BY last")
    dropRows = try database.prepare("DELETE FROM events WHERE client = ?1 AND last <= ?2")
    noteTrimmed = try database.prepare(
      "UPDATE clients SET trimmed = ?2, events = events - ?3 WHERE id = ?1")
    finished = try database.prepare(
      "SELECT id, state, finished, bytes, cleanup FROM jobs WHERE client = ?1 AND id > ?2 ORDER BY id")
    dropKeys = try database.prepare(
      """
      DELETE FROM idempotency WHERE (client, key) IN (
        SELECT client, key FROM idempotency WHERE orphan = 1 AND created < ?1 LIMIT 1000)
      """)
  }

  func maintain(_ retention: Retention) throws(StoreError) -> Expired {
    let now = clock.now
    for (client, total) in clients.totals where total.events > 0 {
      while try trim(client, most: retention[client].events, oldest: now - retention.eventAge) {}
    }
    while try dropKeys.run(now - WriterStatements.keyAge) > 0 {}
    return try expired(retention, now: now)
  }

  /// Drops events of a client that are too many or older than `oldest`. True: there is more to drop.
  private func trim(_ client: Int64, most: Int64, oldest: Int64) throws(StoreError) -> Bool {
    let excess = clients.totals(of: client).events - most
    var (last, count, looked): (Int64?, Int64, Int) = (nil, 0, 0)
    eventRows.bind(client)
    while looked < Self.mostEventRows, try eventRows.step(), count < excess || eventRows.integer(1) < oldest {
      last = eventRows.integer(0)
      count += eventRows.integer(2)
      looked += 1
    }
    eventRows.reset()
    guard let last else { return false }
    try dropEvents(of: client, through: last, count: count)
    return looked == Self.mostEventRows
  }

  private func dropEvents(of client: Int64, through last: Int64, count: Int64) throws(StoreError) {
    do {
      try writer.makeLogWhole()
      try database.execute("BEGIN IMMEDIATE")
      try dropRows.run(client, last)
      try noteTrimmed.run(client, last, count)
      try database.execute("COMMIT")
    } catch {
      database.rollback()
      throw error
    }
    clients.commit([client: ClientTotals(events: -count)], inserted: [])
  }

  private func expired(_ retention: Retention, now: Int64) throws(StoreError) -> Expired {
    let totals = clients.totals
    let above = Self.bytesToGo(totals, retention)
    var expired = Expired()
    for (client, total) in totals where total.finished > 0 {
      guard !expired.more else { break }
      var excess = (jobs: total.finished - retention[client].jobs, bytes: above[client] ?? 0)
      try find(client, before: now - retention.age, &excess, &expired)
    }
    return expired
  }

  /// In the order of creation. Nothing created after `before` can have finished before it.
  private func find(
    _ client: Int64, before: Int64, _ excess: inout (jobs: Int64, bytes: Int64), _ expired: inout Expired
  ) throws(StoreError) {
    finished.bind(client, positions.removeValue(forKey: client) ?? JobID(high: 0, low: 0))
    defer { finished.reset() }
    var rows = 0
    var last = JobID(high: 0, low: 0)
    while try finished.step() {
      rows += 1
      let id = try finished.id(0)
      defer { last = id }
      guard excess.jobs > 0 || excess.bytes > 0 || id.milliseconds * 1000 < before else { return }
      if rows > Self.mostRows {
        // Some of them may never go, such as jobs that run or are not cleaned up: the next look begins here.
        positions[client] = last
        expired.more = true
        return
      }
      let mayExpire = JobRow.mayExpire(finished.integer(1), finished.integer(4))
      guard mayExpire, excess.jobs > 0 || excess.bytes > 0 || finished.integer(2) < before else { continue }
      guard expired.jobs.count < Self.most else {
        positions[client] = last
        expired.more = true
        return
      }
      expired.jobs.append(.init(client: client, id: id))
      excess.jobs -= 1
      excess.bytes -= finished.integer(3)
    }
  }

  /// Each client's bytes above its limit; those above the limit of all are the largest client's.
  private static func bytesToGo(_ totals: [Int64: ClientTotals], _ retention: Retention) -> [Int64: Int64] {
    var above: [Int64: Int64] = [:]
    for (client, total) in totals where total.bytes > retention[client].bytes {
      above[client] = total.bytes - retention[client].bytes
    }
    let sum = totals.values.reduce(0) { $0 + $1.bytes } - above.values.reduce(0, +)
    guard sum > retention.totalBytes, let largest = totals.max(by: { $0.value.bytes < $1.value.bytes }) else {
      return above
    }
    above[largest.key, default: 0] += sum - retention.totalBytes
    return above
  }
}
