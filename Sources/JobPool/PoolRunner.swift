import Glibc
import JobAPI
import Platform

/// How calls get to a pool's core.
protocol PoolRunner: Sendable {
  func call<Result>(_ body: (PoolCore) throws(JobPoolError) -> Result) throws(JobPoolError) -> Result
  /// Calls `body`, and returns when it has called `end`: the job's state then.
  func wait(_ body: (PoolCore, _ end: @escaping () -> Void) throws(JobPoolError) -> PoolJob)
    throws(JobPoolError) -> JobStatus
  /// Ends all jobs. The last call.
  func shutDown()
}

/// The caller's own thread: each call first lets the jobs make progress.
final class LazyRunner: PoolRunner {
  private let core: Mutex<PoolCore>

  init(_ core: sending PoolCore) { self.core = Mutex(core) }

  func call<Result>(_ body: (PoolCore) throws(JobPoolError) -> Result) throws(JobPoolError) -> Result {
    try core.withLock { core throws(JobPoolError) in
      try core.step()
      return try body(core)
    }
  }

  func wait(_ body: (PoolCore, _ end: @escaping () -> Void) throws(JobPoolError) -> PoolJob)
    throws(JobPoolError) -> JobStatus
  {
    var hasEnded = false
    var job: PoolJob?
    while true {
      let pause = try core.withLock { core throws(JobPoolError) -> PoolPause? in
        if job == nil { job = try body(core) { hasEnded = true } }
        try core.step()
        return hasEnded ? nil : core.pause(for: job!)
      }
      guard let pause else { return core.withLock { _ in job!.status } }
      pause.wait()
    }
  }

  func shutDown() {
    core.withLock { core in
      core.deleteAll()
      while !core.isEmpty {
        core.pause().wait()
        guard (try? core.step()) != nil else { return }
      }
    }
  }
}

/// A thread lets the jobs make progress; calls find them as it left them.
final class EagerRunner: PoolRunner {
  private struct State {
    let core: PoolCore
    /// Until when the thread sleeps, in milliseconds of the monotonic clock, if nothing happens.
    var sleepsUntil: Int64 = 0
    var isOver = false
  }

  private let state: Mutex<State>
  private let thread: pthread_t

  init(_ core: sending PoolCore) throws(SystemError) {
    let state = Mutex(State(core: core))
    self.state = state
    thread = try SystemThread.start("job pool") {
      while let pause = Self.step(state) { pause.wait() }
    }
  }

  /// How long to sleep after it; nil: for ever.
  private static func step(_ state: Mutex<State>) -> PoolPause? {
    state.withLock { state in
      // It fails only when the system's poll does so for good; calls would wait then for ever.
      do { try state.core.step() } catch { fatalError("\(error)") }
      guard !state.isOver || !state.core.isEmpty else { return nil }
      let pause = state.core.pause()
      state.sleepsUntil = pause.until
      return pause
    }
  }

  func call<Result>(_ body: (PoolCore) throws(JobPoolError) -> Result) throws(JobPoolError) -> Result {
    try state.withLock { state throws(JobPoolError) in
      defer { wakeEarlier(&state) }
      return try body(state.core)
    }
  }

  /// The thread does not know of a timer that was set meanwhile.
  private func wakeEarlier(_ state: inout State) {
    guard state.core.deadline < state.sleepsUntil || state.isOver else { return }
    state.sleepsUntil = 0
    state.core.wake()
  }

  func wait(_ body: (PoolCore, _ end: @escaping () -> Void) throws(JobPoolError) -> PoolJob)
    throws(JobPoolError) -> JobStatus
  {
    let end = Semaphore()
    let job = try call { core throws(JobPoolError) in try body(core, end.post) }
    end.wait()
    return state.withLock { _ in job.status }
  }

  func shutDown() {
    state.withLock { state in
      state.isOver = true
      state.core.deleteAll()
      wakeEarlier(&state)
    }
    pthread_join(thread, nil)
  }
}
