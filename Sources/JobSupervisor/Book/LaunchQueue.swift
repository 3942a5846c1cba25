import JobAPI
import Platform

/// Which of the accepted jobs is launched next: a few at a time, so that the others wait here, where clients take turns.
struct LaunchQueue {
  private var waiting = FairQueue<JobID>()
  private var underWay = 0
  private let most: Int
  /// Launches of each client that take long: what they wait for may be anything, such as a file system that hangs.
  private var slow: [Int64: Int] = [:]
  /// None is the next.
  var isPaused = false

  /// Launches under way for each launcher: it finds work while the loop is busy with something else, and a client's
  /// only job waits for no more of another's than these.
  private static let perLauncher = 8
  /// Slow launches of one client at once: each has kept a launcher from others' for a tenth of a second.
  private static let mostSlow = 4

  init(launchers: Int) { most = max(launchers, 1) * Self.perLauncher }

  mutating func add(_ id: JobID, of client: Int64) { waiting.append(id, of: client) }

  /// Those that are not launched are taken elsewhere.
  mutating func removeAll() { waiting = FairQueue() }

  /// The next job to launch, while there is room for it. One that does not wait any more is passed over.
  mutating func next(where isWaiting: (JobID) -> Bool) -> JobID? {
    guard !isPaused, underWay < most else { return nil }
    while let id = waiting.popFirst(passingOver: { slow[$0, default: 0] >= Self.mostSlow }) {
      if isWaiting(id) { return id }
    }
    return nil
  }

  mutating func launchBegan() { underWay += 1 }
  mutating func launchEnded() { underWay -= 1 }

  /// It takes long: others take its place.
  mutating func launchWaits(of client: Int64) {
    underWay -= 1
    slow[client, default: 0] += 1
  }

  mutating func slowLaunchEnded(of client: Int64) {
    let left = slow[client, default: 1] - 1
    slow[client] = left > 0 ? left : nil
  }
}
