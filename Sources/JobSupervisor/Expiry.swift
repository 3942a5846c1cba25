import JobAPI
import JobLoop
import JobModel
import JobStore
import Platform

/// Lets go of what has been kept long enough, from time to time. Supervisor's thread only.
final class Expiry {
  private let loop: EventLoop
  private let store: Store
  private var retention: Retention
  private let log: Log
  private let delete: (Expired.Job) -> Void
  private var timer: LoopTimer!
  /// Jobs whose deletion is under way.
  private var left: Set<JobID> = []

  /// Milliseconds; after some were removed there may be more to remove.
  private static let pause: UInt64 = 10_000
  private static let pauseAfterSome: UInt64 = 100

  init(
    _ loop: EventLoop, _ retention: Retention, log: Log, store: Store,
    delete: @escaping (Expired.Job) -> Void
  ) throws(SystemError) {
    (self.loop, self.retention, self.log, self.store, self.delete) = (loop, retention, log, store, delete)
    timer = try LoopTimer(loop) { [unowned self] in self.expire() }
    timer.start(milliseconds: Self.pause)
  }

  /// Other settings hold for these clients from now on.
  func learn(_ settings: [Int64: ClientSettings]) {
    for (client, settings) in settings { retention.set(settings, for: client) }
  }

  private func expire() {
    nonisolated(unsafe) let expiry = self
    store.maintain(retention) { [loop] result in loop.post { expiry.remove(result) } }
  }

  private func remove(_ result: Result<Expired, StoreError>) {
    var hasMore = false
    switch result {
    case .success(let expired):
      hasMore = expired.more
      left = Set(expired.jobs.map(\.id))
      for job in expired.jobs { delete(job) }
      if !expired.jobs.isEmpty { log.debug("expired", ["jobs": "\(expired.jobs.count)"]) }
    case .failure(let error):
      log.error("retention_failed", ["error": "\(error)"])
    }
    guard left.isEmpty else { return }
    timer.start(milliseconds: hasMore ? Self.pauseAfterSome : Self.pause)
  }

  /// A job is in the supervisor's book no more.
  func released(_ id: JobID) {
    if left.remove(id) != nil, left.isEmpty { timer.start(milliseconds: Self.pauseAfterSome) }
  }
}
