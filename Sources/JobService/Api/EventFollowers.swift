import Platform

/// Exchanges that follow events, woken when the store has new ones. Any thread.
final class EventFollowers: Sendable {
  private struct State {
    var followers: Set<JobTable.Observer> = []
    var isOver = false
  }
  private let state = Mutex(State())

  func add(_ observer: JobTable.Observer) { state.withLock { _ = $0.followers.insert(observer) } }
  func remove(_ observer: JobTable.Observer) { state.withLock { _ = $0.followers.remove(observer) } }
  var all: Set<JobTable.Observer> { state.withLock { $0.followers } }

  /// No event is to come any more: those to wake.
  func end() -> Set<JobTable.Observer> {
    state.withLock { state in
      state.isOver = true
      return state.followers
    }
  }

  var isOver: Bool { state.withLock { $0.isOver } }
}
