import Platform

/// Exchanges that follow events, woken when the store has new ones of their client. Any thread.
final class EventFollowers: Sendable {
  private struct State {
    /// By the client's index in the ``ClientTable``.
    var followers: [Int: Set<JobTable.Observer>] = [:]
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

  /// Those of some clients.
  func of(_ clients: [Int]) -> Set<JobTable.Observer> {
    state.withLock { state in
      clients.reduce(into: []) { found, client in found.formUnion(state.followers[client] ?? []) }
    }
  }

  /// No event is to come any more: those to wake.
  func end() -> Set<JobTable.Observer> {
    state.withLock { state in
      state.isOver = true
      return state.followers.values.reduce(into: []) { $0.formUnion($1) }
    }
  }

  var isOver: Bool { state.withLock { $0.isOver } }
}

extension ApiContext {
  /// Those who follow the events of some clients, by the store's numbers.
  func eventFollowers(of clients: [Int64]) -> Set<JobTable.Observer> {
    eventFollowers.of(self.clients.indices(of: clients))
  }
}
