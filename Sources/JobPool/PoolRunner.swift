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
    try wait { [self] give in give(.init { () throws(JobPoolError) in try body(core) }) }
  }

  /// Calls `body` on the loop's thread, and returns when it has given an answer.
  private func wait<Result: Sendable>(
    _ body:
      @escaping @Sendable (_ give: @escaping @Sendable (Swift.Result<Result, JobPoolError>) -> Void) -> Void
  ) throws(JobPoolError) -> Result {
    let answer = WorkQueue<Swift.Result<Result, JobPoolError>>()
    loop.post { body { answer.put($0, of: 0) } }
    return try answer.take(1)![0].get()
  }

  func delete(_ id: JobID) throws(JobPoolError) {
    try wait { [self] give in
      do throws(JobPoolError) { try core.delete(id) { give(.success(())) } } catch { give(.failure(error)) }
    }
  }

  func shutDown() {
    loop.post { [self] in
      core.deleteAll()
      stopWhenEmpty()
    }
    pthread_join(thread, nil)
  }

  private func stopWhenEmpty() {
    guard !core.isEmpty else { return loop.stop() }
    core.whenEmpty { [loop] in loop.stop() }
  }
}
