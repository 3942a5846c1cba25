import Platform

/// What a client has in the store.
package struct ClientTotals: Equatable, Sendable {
  /// Jobs that are over.
  package var finished: Int64 = 0
  /// Bytes of output, plans and logs, of running jobs too as far as they are known.
  package var bytes: Int64 = 0
  package var events: Int64 = 0

  package static func += (left: inout ClientTotals, right: ClientTotals) {
    left.finished += right.finished
    left.bytes += right.bytes
    left.events += right.events
  }
}

/// The clients by name and number, and what each has stored. Any thread.
final class StoredClients: Sendable {
  private struct State {
    var numbers: [ByteText: Int64] = [:]
    var names: [Int64: String] = [:]
    var totals: [Int64: ClientTotals] = [:]
    /// Numbers that are on disk; others go there with their first job.
    var stored: Set<Int64> = []
    var next: Int64 = 1

    mutating func add(_ name: String, _ number: Int64) {
      numbers[ByteText(name)] = number
      names[number] = name
    }
  }
  private let state: Mutex<State>

  init(_ database: Database) throws(StoreError) {
    var state = State()
    let rows = try database.prepare("SELECT id, name, finished, bytes, events FROM clients")
    while try rows.step() {
      let id = rows.integer(0)
      state.add(rows.text(1) ?? "", id)
      state.totals[id] = ClientTotals(
        finished: rows.integer(2), bytes: rows.integer(3), events: rows.integer(4))
      state.stored.insert(id)
      state.next = max(state.next, id + 1)
    }
    self.state = Mutex(state)
  }

  func number(for name: String) -> Int64 {
    state.withLock { state in
      if let number = state.numbers[ByteText(name)] { return number }
      defer { state.next += 1 }
      state.add(name, state.next)
      return state.next
    }
  }

  var all: [(id: Int64, name: String)] {
    state.withLock { state in state.names.map { ($0.key, $0.value) } }
  }

  func isStored(_ client: Int64) -> Bool { state.withLock { $0.stored.contains(client) } }

  func totals(of client: Int64) -> ClientTotals {
    state.withLock { $0.totals[client] ?? ClientTotals() }
  }

  var totals: [Int64: ClientTotals] { state.withLock { $0.totals } }

  /// Adds what a transaction changed.
  func commit(_ changes: [Int64: ClientTotals], inserted: Set<Int64>) {
    state.withLock { state in
      state.stored.formUnion(inserted)
      for (client, change) in changes { state.totals[client, default: ClientTotals()] += change }
    }
  }
}
