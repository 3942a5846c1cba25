import JobAPI
import Platform

/// Which of the accepted jobs is launched next: a few at a time, so that the others wait here, where clients take turns.
struct LaunchQueue {
  private var waiting = FairQueue<JobID>()
  private var underWay = 0
  private let most: Int
  /// None is the next.
  var isPaused = false

  /// Launches under way for each launcher: it finds work while the loop is busy with something else, and a client's
  /// only job waits for no more of another's than these.
  private static let perLauncher = 8

  init(launchers: Int) { most = max(launchers, 1) * Self.perLauncher }

  mutating func add(_ id: JobID, of client: Int64) { waiting.append(id, of: client) }

  /// The next job to launch, while there is room for it. One that does not wait any more is passed over.
  mutating func next(where isWaiting: (JobID) -> Bool) -> JobID? {
    guard !isPaused, underWay < most else { return nil }
    while let id = waiting.popFirst() {
      if isWaiting(id) { return id }
    }
    return nil
  }

  mutating func launchBegan() { underWay += 1 }
  mutating func launchEnded() { underWay -= 1 }
}
