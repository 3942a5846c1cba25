import Platform

/// Which of the accepted jobs is launched next: a few at a time, so that the others wait here, where clients take turns.
/// Supervisor's thread only.
struct LaunchQueue {
  private var waiting = FairQueue<LiveJob>()
  private var underWay = 0
  private let most: Int

  /// Launches under way for each launcher: it finds work while the loop is busy with something else, and a client's
  /// only job waits for no more of another's than these.
  private static let perLauncher = 8

  init(launchers: Int) { most = max(launchers, 1) * Self.perLauncher }

  mutating func add(_ job: LiveJob) { waiting.append(job, of: job.record.client) }

  /// The next job to launch, while there is room for it. One that ended here is passed over.
  mutating func next() -> LiveJob? {
    guard underWay < most else { return nil }
    while let job = waiting.popFirst() {
      if job.creation != nil { return job }
    }
    return nil
  }

  mutating func launchBegan() { underWay += 1 }
  mutating func launchEnded() { underWay -= 1 }
}
