import Platform

/// Exchanges that follow events, woken when the store has new ones of their client. Any thread.
final class EventFollowers: Sendable {
  private struct State {
    /// By the client's index in the ``ClientTable``.
    var followers: [Int: Set<JobTable.Observer>] = [:]
    /// Those who follow all clients, each with the clients, by the store's numbers, of which there is something new.
    var ofAll: [JobTable.Observer: Set<Int64>] = [:]
    var isOver = false
  }
  private let state = Mutex(State())

  func add(_ observer: JobTable.Observer, of client: Int) {
    state.withLock { _ = $0.followers[client, default: []].insert(observer) }
  }

  func remove(_ observer: JobTable.Observer, of client: Int) {
    state.withLock { state in
      state.followers[client]?.remove(observer)
      if state.followers[client]?.isEmpty == true { state.followers[client] = nil }
    }
  }

  func addToAll(_ observer: JobTable.Observer) { state.withLock { $0.ofAll[observer] = [] } }
  func removeFromAll(_ observer: JobTable.Observer) { state.withLock { $0.ofAll[observer] = nil } }

  /// The clients of which there is something new since this was asked last.
  func takeChanged(_ observer: JobTable.Observer) -> Set<Int64> {
    state.withLock { state in
      guard let changed = state.ofAll[observer] else { return [] }
      state.ofAll[observer] = []
      return changed
    }
  }

  /// There is something new of some clients: those to wake. `known`: where those clients are in the table that are.
  func changed(_ clients: [Int64], known: [Int]) -> Set<JobTable.Observer> {
    state.withLock { state in
      for observer in state.ofAll.keys { state.ofAll[observer]!.formUnion(clients) }
      return known.reduce(into: Set(state.ofAll.keys)) { found, client in
        found.formUnion(state.followers[client] ?? [])
      }
    }
  }

  /// No event is to come any more: those to wake.
  func end() -> Set<JobTable.Observer> {
    state.withLock { state in
      state.isOver = true
      return state.followers.values.reduce(into: Set(state.ofAll.keys)) { $0.formUnion($1) }
    }
  }

  var isOver: Bool { state.withLock { $0.isOver } }
}

extension ApiContext {
  /// There are new events of some clients, by the store's numbers: those who follow them.
  func eventFollowers(of clients: [Int64]) -> Set<JobTable.Observer> {
    eventFollowers.changed(clients, known: self.clients.indices(of: clients))
  }
}
