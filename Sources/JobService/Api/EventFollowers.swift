/// Exchanges that follow events, woken when the store has new ones. Any thread.
final class EventFollowers: Sendable {
  private let followers = Mutex<Set<JobTable.Observer>>([])

  func add(_ observer: JobTable.Observer) { followers.withLock { _ = $0.insert(observer) } }
  func remove(_ observer: JobTable.Observer) { followers.withLock { _ = $0.remove(observer) } }
  var all: Set<JobTable.Observer> { followers.withLock { $0 } }
}
