import JobAPI

/// What one client thread knows of the jobs it asked for, to be compared with what the daemon says in the end.
final class Ledger: @unchecked Sendable {
  // Used by the client's thread until that has ended, then by the thread that joined it.
  enum Fate {
    /// Asked for, and not answered: it may or may not exist.
    case unanswered
    /// Answered: it exists.
    case accepted
    /// Seen in state completed, or error where that was to be.
    case finished
    /// Seen as lost with a supervisor that was killed.
    case lost
    /// Its deletion was answered.
    case deleted
  }

  struct Entry {
    let plan: Plan
    /// When it was about to be asked for, in microseconds since 1970.
    let asked: Int64
    var id: JobID?
    var fate = Fate.unanswered {
      didSet { if fate == .finished { hasFinished = true } }
    }
    /// Its end was seen, whatever became of it later: it was launched.
    private(set) var hasFinished = false
    /// It is not kept: nothing of it is there once its end was answered.
    let leavesNothing: Bool
  }

  let thread: Int
  let client: String
  private(set) var entries: [Entry] = []

  init(thread: Int, client: String) { (self.thread, self.client) = (thread, client) }

  /// The number of the next job.
  var next: Int { entries.count }

  /// Adds a job before it is asked for; its place.
  func add(_ plan: Plan, leavesNothing: Bool = false) -> Int {
    entries.append(Entry(plan: plan, asked: Death.now(), leavesNothing: leavesNothing))
    return entries.count - 1
  }

  subscript(index: Int) -> Entry {
    get { entries[index] }
    set { entries[index] = newValue }
  }
}
