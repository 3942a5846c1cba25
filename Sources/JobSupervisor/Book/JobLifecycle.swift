/// The life of an accepted job, as a pure state machine: told what happened, it says what to do. No I/O.
///
/// ```
/// accepting ─▶ launching ─▶ running ─▶ saving ─▶ saved
///     │            │           │          │        │
///     └────────────┴── delete ─┴──────────┴────────┴─▶ removing ─▶ removed
/// ```
struct JobLifecycle: Hashable {
  enum State: Equatable, CaseIterable {
    /// The creation is on its way to the disk.
    case accepting
    /// Accepted: it waits to be launched, or is.
    case launching
    case running
    /// Ended; the result is on its way to the disk.
    case saving
    /// Ended, and the result is on disk: the store alone knows the job, unless it is to be deleted.
    case saved
    /// Its deletion is on its way to the disk.
    case removing
    case removed
  }

  enum Event: Equatable, CaseIterable {
    case accepted, notAccepted
    case started
    /// Ended, also when it could not be started.
    case finished
    case resultSaved, resultNotSaved
    case deleteAsked
    case deletionSaved, deletionNotSaved
  }

  /// What is to be done, in the order of declaration.
  struct Actions: OptionSet, Equatable {
    let rawValue: UInt16
    /// Tell the api process of the job as it is now.
    static let announce = Actions(rawValue: 1)
    /// Tell the api process before long that the job was started: the end of most comes first.
    static let announceStart = Actions(rawValue: 2)
    /// Answer the creation: the job exists.
    static let answerCreation = Actions(rawValue: 4)
    static let launch = Actions(rawValue: 8)
    /// KILL the whole tree.
    static let kill = Actions(rawValue: 16)
    static let saveResult = Actions(rawValue: 32)
    /// Save the result again after a while.
    static let saveResultLater = Actions(rawValue: 64)
    static let saveDeletion = Actions(rawValue: 128)
    static let announceDeletion = Actions(rawValue: 256)
    static let removeFiles = Actions(rawValue: 512)
    static let answerDeletions = Actions(rawValue: 1024)
    static let refuseDeletions = Actions(rawValue: 2048)
    /// Forget the job: nothing follows.
    static let release = Actions(rawValue: 4096)
  }

  private(set) var state: State
  private(set) var deleteAsked = false
  /// Its result is on disk.
  private(set) var isSaved: Bool

  /// `running`: one that a predecessor launched. `saving`: one whose end nobody knows. `saved`: one to be deleted.
  init(state: State = .accepting) {
    self.state = state
    isSaved = state == .saved
  }

  /// Whether its process may still run.
  var isActive: Bool { state == .launching || state == .running }

  /// Whether the creation is on disk: the api process knows the job.
  var isAnnounced: Bool { state != .accepting && state != .removed }

  mutating func handle(_ event: Event) -> Actions {
    switch (state, event) {
    case (.accepting, .accepted):
      return deleteAsked
        ? Actions.answerCreation.union(remove())
        : move(to: .launching, [.answerCreation, .announce, .launch])
    case (.accepting, .notAccepted):
      return move(to: .removed, deleteAsked ? [.answerDeletions, .release] : .release)
    case (.launching, .started):
      return move(to: .running, deleteAsked ? [] : .announceStart)
    case (.launching, .finished), (.running, .finished):
      return deleteAsked ? remove() : move(to: .saving, .saveResult)
    case (.saving, .resultSaved):
      isSaved = true
      return deleteAsked ? Actions.announce.union(remove()) : move(to: .saved, [.announce, .release])
    case (.saving, .resultNotSaved):
      return deleteAsked ? remove() : .saveResultLater
    case (.saved, .deleteAsked):
      deleteAsked = true
      return remove()
    case (.removing, .deletionSaved):
      return move(to: .removed, [.announceDeletion, .removeFiles, .answerDeletions, .release])
    case (.removing, .deletionNotSaved):
      // The process is gone, the record is not: keep what is known of it, and let the client try again.
      deleteAsked = false
      return isSaved
        ? move(to: .saved, [.refuseDeletions, .release]) : move(to: .saving, [.refuseDeletions, .saveResult])
    case (_, .deleteAsked):
      deleteAsked = true
      return isActive ? .kill : []
    default:
      return []
    }
  }

  private mutating func remove() -> Actions { move(to: .removing, .saveDeletion) }

  private mutating func move(to next: State, _ actions: Actions) -> Actions {
    state = next
    return actions
  }
}
