/// The life of an accepted job, as a pure state machine: told what happened, it says what to do. No I/O.
///
/// ```
/// accepting ─▶ launching ─▶ running ─▶ saving ─▶ saved
///     │         ▲     │        │          │        │
///     │  dequeuing  requeuing  │          │        │
///     │         ▲     ▼        │          │        │
///     ├────▶ (the store: it waits for a slot)      │
///     └────────────── delete ──┴──────────┴────────┴─▶ removing ─▶ removed
/// ```
/// While a job waits for a slot, the store alone knows it, as one that has ended.
struct JobLifecycle: Hashable {
  enum State: Equatable, CaseIterable {
    /// The creation is on its way to the disk.
    case accepting
    /// Accepted: it waits to be launched, or is.
    case launching
    /// It waited for a slot: that it does so no more is on its way to the disk.
    case dequeuing
    /// It was not launched: that it waits is on its way to the disk.
    case requeuing
    /// It waits for a slot.
    case waiting
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
    /// It is not in the store as one that waits.
    case notThere
    case dequeued
    case requeueAsked, requeued, notRequeued
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
    /// Look once more whether the job may be launched.
    static let admit = Actions(rawValue: 8192)
    static let saveRequeue = Actions(rawValue: 16384)
  }

  private(set) var state: State
  private(set) var deleteAsked = false
  /// Its result is on disk, or that it waits.
  private(set) var isSaved: Bool

  /// It has no slot: once accepted, it waits.
  private let waits: Bool

  /// `running`: one that a predecessor launched. `saving`: one whose end nobody knows. `saved`: one to be deleted, whether
  /// it ended or waits. `dequeuing`: one that waits and is to be launched, or stopped.
  init(state: State = .accepting, waits: Bool = false) {
    (self.state, self.waits) = (state, waits)
    isSaved = state == .saved
  }

  /// Whether its process may still run.
  var isActive: Bool { state == .launching || state == .running }

  /// Whether the creation is on disk: the api process knows the job.
  var isAnnounced: Bool { ![.accepting, .dequeuing, .waiting, .removed].contains(state) }

  mutating func handle(_ event: Event) -> Actions {
    switch (state, event) {
    case (.accepting, .accepted):
      // A job that waits is as saved as one that has ended.
      isSaved = waits
      if deleteAsked { return Actions.answerCreation.union(remove()) }
      return waits
        ? move(to: .waiting, [.answerCreation, .release])
        : move(to: .launching, [.answerCreation, .announce, .launch])
    case (.accepting, .notAccepted):
      return move(to: .removed, deleteAsked ? [.answerDeletions, .release] : .release)
    case (.dequeuing, .dequeued):
      return deleteAsked ? remove() : move(to: .launching, [.announce, .admit])
    case (.dequeuing, .notThere):
      // The store says whether there is something to delete.
      isSaved = true
      if deleteAsked { return remove() }
      return move(to: .removed, .release)
    case (.launching, .requeueAsked):
      return move(to: .requeuing, .saveRequeue)
    case (.requeuing, .requeued):
      isSaved = true
      return deleteAsked ? Actions.announce.union(remove()) : move(to: .waiting, [.announce, .release])
    case (.requeuing, .notRequeued):
      return deleteAsked ? remove() : move(to: .saving, .saveResult)
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
