import Glibc
import JobAPI
import JobLoop
import Platform

/// How calls get to a pool's core.
protocol PoolRunner: Sendable {
  func call<Result: Sendable>(
    _ body: @escaping @Sendable (PoolCore) throws(JobPoolError) -> Result
  ) throws(JobPoolError) -> Result
  func delete(_ id: JobID) throws(JobPoolError)
  /// Ends all jobs. The last call.
  func shutDown()
}

/// The caller's own thread, one at a time: each call first lets the jobs make progress.
final class LazyRunner: PoolRunner {
  private let core: Mutex<PoolCore>

  init(_ core: sending PoolCore) { self.core = Mutex(core) }

  func call<Result: Sendable>(
    _ body: @escaping @Sendable (PoolCore) throws(JobPoolError) -> Result
  ) throws(JobPoolError) -> Result {
    try core.withLock { core throws(JobPoolError) in
      try Self.step(core, wait: false)
      return try body(core)
    }
  }

  func delete(_ id: JobID) throws(JobPoolError) {
    try core.withLock { core throws(JobPoolError) in
      var isGone = false
      try core.delete(id) { isGone = true }
      while !isGone { try Self.step(core, wait: true) }
    }
  }

  func shutDown() {
    core.withLock { core in
      core.deleteAll()
      while !core.isEmpty, (try? Self.step(core, wait: true)) != nil {}
    }
  }

  private static func step(_ core: PoolCore, wait: Bool) throws(JobPoolError) {
    do { try core.loop.step(wait: wait) } catch { throw .system("\(error)") }
  }
}

/// A thread that runs the loop; calls are posted to it.
final class EagerRunner: PoolRunner, @unchecked Sendable {
  // The core is touched by the loop's thread alone; the other two are set once, in init.
  private let core: PoolCore
  private let loop: EventLoop
  private let thread: pthread_t

  init(_ core: sending PoolCore) throws(SystemError) {
    let loop = core.loop
    self.core = core
    self.loop = loop
    thread = try SystemThread.start("job pool") {
      // It ends by itself only when the system's poll fails for good; calls would wait then for ever.
      do { try loop.run() } catch { fatalError("\(error)") }
    }
  }

  func call<Result: Sendable>(
    _ body: @escaping @Sendable (PoolCore) throws(JobPoolError) -> Result
  ) throws(JobPoolError) -> Result {
    let answer = Handoff<Swift.Result<Result, JobPoolError>>()
    loop.post { [self] in answer.give(.init { () throws(JobPoolError) in try body(core) }) }
    return try answer.take().get()
  }

  func delete(_ id: JobID) throws(JobPoolError) {
    let answer = Handoff<Swift.Result<Void, JobPoolError>>()
    loop.post { [self] in
      do throws(JobPoolError) {
        try core.delete(id) { answer.give(.success(())) }
      } catch {
        answer.give(.failure(error))
      }
    }
    try answer.take().get()
  }

  func shutDown() {
    let ids = Handoff<Void>()
    loop.post { [self] in
      core.deleteAll()
      stopWhenEmpty()
      ids.give(())
    }
    ids.take()
    pthread_join(thread, nil)
  }

  private func stopWhenEmpty() {
    guard !core.isEmpty else { return loop.stop() }
    core.whenEmpty { [loop] in loop.stop() }
  }
}

/// One value that one thread waits for and another gives.
private final class Handoff<Value>: @unchecked Sendable {
  // `value` is only touched with `mutex` held.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let given = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var value: Value?

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(given, nil)
  }

  deinit {
    pthread_cond_destroy(given)
    pthread_mutex_destroy(mutex)
    given.deallocate()
    mutex.deallocate()
  }

  func give(_ value: Value) {
    pthread_mutex_lock(mutex)
    self.value = value
    pthread_cond_signal(given)
    pthread_mutex_unlock(mutex)
  }

  func take() -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while value == nil { pthread_cond_wait(given, mutex) }
    return value!
  }
}
