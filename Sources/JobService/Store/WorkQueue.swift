import Glibc

/// Hands things from any thread to one thread, in order.
final class WorkQueue<Element>: @unchecked Sendable {
  // `elements`, `urgent`, `waitUntil` and `closed` are only touched with `mutex` held.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var elements: [Element] = []
  private var urgent = false
  private var waitUntil = timespec()
  private var closed = false
  /// The taker's thread only: several elements were taken the last time.
  private var gathers = false
  private static var gatherMicroseconds: UInt32 { 200 }

  init() {
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

  /// What is not urgent is taken with the next that is, or a second after the first such.
  func put(_ element: Element, urgent: Bool = true) {
    pthread_mutex_lock(mutex)
    let wasEmpty = elements.isEmpty
    if wasEmpty { waitUntil = Self.time(inMilliseconds: 1000) }
    elements.append(element)
    if urgent { self.urgent = true }
    // The taker of an empty queue has to learn of `waitUntil`.
    if urgent || wasEmpty { pthread_cond_signal(changed) }
    pthread_mutex_unlock(mutex)
  }

  /// Everything there is, once there is something; empty when `idle` milliseconds pass without; nil when closed
  /// and empty. One thread only.
  func take(idle: Int? = nil) -> [Element]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var idleUntil = idle.map { Self.time(inMilliseconds: $0) }
    while !urgent && !closed {
      guard !elements.isEmpty || idleUntil != nil else {
        pthread_cond_wait(changed, mutex)
        continue
      }
      let end =
        elements.isEmpty
        ? pthread_cond_timedwait(changed, mutex, &idleUntil!)
        : pthread_cond_timedwait(changed, mutex, &waitUntil)
      if end == ETIMEDOUT { break }
    }
    if gathers && !closed { gather() }
    if closed && elements.isEmpty { return nil }
    defer { elements = [] }
    gathers = elements.count > 1
    urgent = false
    return elements
  }

  /// With the mutex held: lets more come. Where several came at once the last time, several are on their way now, and
  /// taking them together costs each of them less than this.
  private func gather() {
    pthread_mutex_unlock(mutex)
    usleep(Self.gatherMicroseconds)
    pthread_mutex_lock(mutex)
  }

  /// What is in the queue is still taken.
  func close() {
    pthread_mutex_lock(mutex)
    closed = true
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }

  private static func time(inMilliseconds milliseconds: Int) -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = time.tv_nsec + (milliseconds % 1000) * 1_000_000
    time.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
    time.tv_nsec = nanoseconds % 1_000_000_000
    return time
  }
}
