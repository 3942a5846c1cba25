import Glibc

/// Hands things from any thread to one thread: those of one client in order, those of many in turn.
package final class WorkQueue<Element>: @unchecked Sendable {
  // `arrived`, `owners`, `urgent`, `waitUntil` and `closed` are only touched with `mutex` held.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var arrived: [Element] = []
  /// The client of each.
  private var owners: [Int64] = []
  private var urgent = false
  private var waitUntil = timespec()
  private var closed = false
  /// The taker's thread only: what it has not taken yet, and whether many came the last time.
  private var waiting = FairQueue<Element>()
  private var gathers = false
  private static var many: Int { 6 }
  private static var gatherMicroseconds: UInt32 { 200 }

  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// `within`: milliseconds after which it is taken at the latest, if nothing that is to be taken at once comes before.
  package func put(_ element: Element, of client: Int64, within milliseconds: Int = 0) {
    pthread_mutex_lock(mutex)
    let isNext = milliseconds == 0 ? hurries() : isFirst(in: milliseconds)
    arrived.append(element)
    owners.append(client)
    pthread_mutex_unlock(mutex)
    // Not before the unlocking: the taker would wait for the lock at once.
    if isNext { pthread_cond_signal(changed) }
  }

  /// What is there is taken at once.
  package func hurry() {
    pthread_mutex_lock(mutex)
    let isNext = !arrived.isEmpty && hurries()
    pthread_mutex_unlock(mutex)
    if isNext { pthread_cond_signal(changed) }
  }

  /// With the mutex held: whether the taker has to learn of it.
  private func hurries() -> Bool {
    defer { urgent = true }
    return !urgent
  }

  /// The same, of a time that is to be waited for.
  private func isFirst(in milliseconds: Int) -> Bool {
    guard !urgent else { return false }
    let time = Self.time(inMilliseconds: milliseconds)
    let isFirst =
      arrived.isEmpty || (time.tv_sec, time.tv_nsec) < (waitUntil.tv_sec, waitUntil.tv_nsec)
    if isFirst { waitUntil = time }
    return isFirst
  }

  /// What is there, once there is something, at most `most`; empty when `idle` milliseconds pass without; nil when
  /// closed and empty. One thread only.
  package func take(_ most: Int, idle: Int? = nil) -> [Element]? {
    pthread_mutex_lock(mutex)
    // With something at hand, only what came meanwhile is added.
    if waiting.isEmpty { waitForArrivals(idle) }
    let (new, clients) = (arrived, owners)
    let isOver = closed
    arrived = []
    owners = []
    urgent = false
    pthread_mutex_unlock(mutex)
    gathers = new.count >= Self.many
    // Of one client, as they are mostly: there is no turn to be found.
    if waiting.isEmpty, (1...most).contains(new.count), clients.allSatisfy({ $0 == clients[0] }) {
      return new
    }
    for (client, element) in zip(clients, new) { waiting.append(element, of: client) }
    if isOver && waiting.isEmpty { return nil }
    return (0..<min(most, waiting.count)).compactMap { _ in waiting.popFirst() }
  }

  /// With the mutex held.
  private func waitForArrivals(_ idle: Int?) {
    var idleUntil = idle.map { Self.time(inMilliseconds: $0) }
    while !urgent && !closed {
      guard !arrived.isEmpty || idleUntil != nil else {
        pthread_cond_wait(changed, mutex)
        continue
      }
      let end =
        arrived.isEmpty
        ? pthread_cond_timedwait(changed, mutex, &idleUntil!)
        : pthread_cond_timedwait(changed, mutex, &waitUntil)
      if end == ETIMEDOUT { break }
    }
    if gathers && !closed { gather() }
  }

  /// With the mutex held: lets more come. Where many came at once the last time, many are on their way now, and taking
  /// them together costs each of them less than this; few clients would wait for nothing.
  private func gather() {
    pthread_mutex_unlock(mutex)
    usleep(Self.gatherMicroseconds)
    pthread_mutex_lock(mutex)
  }

  /// What is in the queue is still taken.
  package func close() {
    pthread_mutex_lock(mutex)
    closed = true
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }

  private static func time(inMilliseconds milliseconds: Int) -> timespec {
    let time = Int(Clock.monotonic()) + milliseconds * 1000
    return timespec(tv_sec: time / 1_000_000, tv_nsec: time % 1_000_000 * 1000)
  }
}
