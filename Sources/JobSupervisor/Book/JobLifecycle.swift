/// The life of an accepted job, as a pure state machine: told what happened, it says what to do. No I/O.
///
/// ```
///               a run request ─▶ delivering ─▶ ended
///                    ▼     │          │  ▲         ▼
/// accepting ─▶ launching ─▶ running ──┴──┴──▶ saving ─▶ saved
///     │         ▲     │        │  ▼       ▲        │
///     │  dequeuing  requeuing  │ cleaning ┤        │
///     │         ▲     ▼        │          │        │
///     ├────▶ (the store: it waits for a slot)      │
///     └────────────── delete ──┴──────────┴────────┴─▶ removing ─▶ removed
/// ```
/// While a job waits for a slot, the store alone knows it, as one that has ended.
///
/// The job of a run request is launched while its creation is on the way to the disk, or, if it is removed with the
/// delivery of its result, before it is sent there: ``Storing``.
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
    /// Its process has ended; what its runner started elsewhere is being ended.
    case cleaning
    /// Ended, and to go once the client has the result, which is in memory.
    case delivering
    /// Ended; the creation is on its way to the disk, and the result follows.
    case ended
    /// Ended; the result is on its way to the disk.
    case saving
    /// Ended, and the result is on disk: the store alone knows the job, unless it is to be deleted.
    case saved
    /// Its deletion is on its way to the disk.
    case removing
    case removed
  }

  /// Where the creation is.
  enum Storing: Hashable {
    case not, underway, done, failed
  }

  enum Event: Equatable, CaseIterable {
    case accepted, notAccepted
    /// The job of a run request that is not stored is to be.
    case storeAsked
    /// It is not in the store as one that waits.
    case notThere
    case dequeued
    case requeueAsked, requeued, notRequeued
    case started
    /// Ended, also when it could not be started.
    case finished
    /// The same, with output that is in memory.
    case finishedHolding
    /// The same, and its runner did not end it: what that started elsewhere may be left.
    case finishedUnclean
    /// Nothing of it is left elsewhere; or that is not known yet, and the job ends all the same.
    case cleaned, notCleaned
    /// The client has the result of a job that is removed with its delivery; or nobody waits for it any more.
    case delivered, notDelivered
    case resultSaved, resultNotSaved
    case deleteAsked
    case deletionSaved, deletionNotSaved
  }

  /// What is to be done.
  struct Actions: OptionSet, Equatable {
    let rawValue: UInt32
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
    static let saveCreation = Actions(rawValue: 32768)
    /// The job is on record: its output goes into files.
    static let keepOutput = Actions(rawValue: 65_536)
    /// There will be no record of the job.
    static let dropOutput = Actions(rawValue: 131_072)
    /// As ``announceStart``, of a job whose start is noted already.
    static let announceLater = Actions(rawValue: 262_144)
    /// The creation is to get to the disk at once.
    static let hurry = Actions(rawValue: 524_288)
    /// Give the result to the client that waits for it.
    static let deliver = Actions(rawValue: 1_048_576)
    /// End what is left of it elsewhere.
    static let clean = Actions(rawValue: 2_097_152)
  }

  private(set) var state: State
  private(set) var deleteAsked = false
  /// Its result is on disk, or that it waits.
  private(set) var isSaved: Bool

  private(set) var storing: Storing
  /// It goes with the delivery of its result.
  let removes: Bool
  /// Somebody waits for the result.
  private(set) var hasReceiver: Bool

  /// The request that created it is answered with its end, not before.
  private let answersAtEnd: Bool
  private var isAnswered: Bool
  /// It has no slot: once accepted, it waits.
  private let waits: Bool

  /// `running`: one that a predecessor launched. `saving`: one whose end nobody knows. `saved`: one to be deleted, whether
  /// it ended or waits. `dequeuing`: one that waits and is to be launched, or stopped.
  init(
    state: State = .accepting, waits: Bool = false, removes: Bool = false, hasReceiver: Bool = false,
    answersAtEnd: Bool = false
  ) {
    (self.state, self.waits, self.removes, self.hasReceiver) = (state, waits, removes, hasReceiver)
    self.answersAtEnd = answersAtEnd
    isAnswered = state != .accepting && !answersAtEnd
    isSaved = state == .saved
    storing = state == .accepting ? .underway : .done
  }

  /// The job of a run request, which is launched at once.
  init(run storing: Storing, removes: Bool, answersAtEnd: Bool) {
    (state, waits, isSaved, isAnswered) = (.launching, false, false, false)
    (self.removes, hasReceiver, self.answersAtEnd) = (removes, removes, answersAtEnd)
    self.storing = storing
  }

  /// It has ended, and nothing more comes of it: its result is on disk, or on its way to the client.
  var isOver: Bool { isSaved || state == .delivering }

  /// Whether its process may still run.
  var isActive: Bool { state == .launching || state == .running }

  /// Whether the creation is on disk: the api process knows the job.
  var isAnnounced: Bool {
    storing == .done && ![.accepting, .dequeuing, .waiting, .removed].contains(state)
  }
  /// It goes once the client has its result.
  var willDeliver: Bool { removes && hasReceiver && !deleteAsked }

  mutating func handle(_ event: Event) -> Actions {
    switch (state, event) {
    case (.accepting, .accepted):
      storing = .done
      // A job that waits is as saved as one that has ended.
      isSaved = waits
      let answer = answersAtEnd ? [] : self.answer()
      if deleteAsked { return answer.union(remove()) }
      return waits
        ? move(to: .waiting, answer.union(.release))
        : move(to: .launching, answer.union([.announce, .launch]))
    case (.accepting, .notAccepted):
      return move(to: .removed, deleteAsked ? [.answerDeletions, .release] : .release)
    case (_, .accepted) where storing == .underway:
      return recorded()
    case (_, .notAccepted) where storing == .underway:
      return notRecorded()
    case (.launching, .storeAsked), (.running, .storeAsked):
      return saveCreation()
    case (.dequeuing, .dequeued):
      return deleteAsked ? remove() : move(to: .launching, [.announce, .admit])
    case (.dequeuing, .notThere):
      // The store says whether there is something to delete.
      isSaved = true
      if deleteAsked { return remove() }
      return move(to: .removed, .release)
    case (.launching, .requeueAsked) where storing != .failed:
      return saveCreation().union(move(to: .requeuing, .saveRequeue))
    case (.requeuing, .requeued) where storing != .failed:
      isSaved = true
      return deleteAsked ? Actions.announce.union(remove()) : move(to: .waiting, [.announce, .release])
    case (.requeuing, .notRequeued) where storing == .failed:
      return vanish()
    case (.requeuing, .notRequeued):
      return deleteAsked ? remove() : move(to: .saving, .saveResult)
    case (.launching, .started):
      return move(to: .running, deleteAsked ? [] : .announceStart)
    case (.launching, .finished), (.running, .finished):
      return finished(holdsOutput: false)
    case (.launching, .finishedHolding), (.running, .finishedHolding):
      return finished(holdsOutput: true)
    case (.launching, .finishedUnclean), (.running, .finishedUnclean):
      return move(to: .cleaning, .clean)
    case (.cleaning, .cleaned):
      return finished(holdsOutput: false)
    case (.cleaning, .notCleaned):
      // A deletion would take away what there is to find it by.
      let refused: Actions = deleteAsked ? .refuseDeletions : []
      deleteAsked = false
      return move(to: .saving, refused.union(.saveResult))
    case (.delivering, .delivered):
      return remove()
    case (.delivering, .notDelivered):
      hasReceiver = false
      return save(holdsOutput: true)
    case (_, .notDelivered) where hasReceiver:
      hasReceiver = false
      return []
    case (.delivering, .deleteAsked):
      deleteAsked = true
      return remove()
    case (.saving, .resultSaved):
      isSaved = true
      return deleteAsked
        ? Actions.announce.union(remove()) : move(to: .saved, answer().union([.announce, .release]))
    case (.saving, .resultNotSaved):
      return deleteAsked ? remove() : .saveResultLater
    case (.saved, .deleteAsked):
      deleteAsked = true
      return remove()
    case (.removing, .deletionSaved) where storing == .failed:
      return vanish()
    case (.removing, .deletionSaved):
      return move(to: .removed, [.announceDeletion, .removeFiles, .answerDeletions, .release])
    case (.removing, .deletionNotSaved):
      // The process is gone, the record is not: keep what is known of it, and let the client try again.
      deleteAsked = false
      if storing == .failed { return vanish() }
      return isSaved
        ? move(to: .saved, [.refuseDeletions, .release])
        : move(to: .saving, [.keepOutput, .refuseDeletions, .saveResult])
    case (_, .deleteAsked):
      deleteAsked = true
      return isActive ? .kill : []
    default:
      return []
    }
  }

  /// Its creation is on disk.
  private mutating func recorded() -> Actions {
    storing = .done
    switch state {
    case .launching, .running:
      // Whoever waits for its end need not be told that it runs.
      guard !answersAtEnd else { return state == .running ? [.keepOutput, .announceLater] : .keepOutput }
      return answer().union([.keepOutput, .announce])
    case .ended: return deleteAsked ? remove() : move(to: .saving, [.keepOutput, .saveResult])
    default: return []
    }
  }

  /// Its creation is not on disk, and never will be: the client is told, and nothing is left of the job.
  private mutating func notRecorded() -> Actions {
    storing = .failed
    switch state {
    case .launching, .running: return [.dropOutput, .kill]
    case .ended, .saving: return vanish()
    default: return []
    }
  }

  private mutating func answer() -> Actions {
    defer { isAnswered = true }
    return isAnswered ? [] : .answerCreation
  }

  private mutating func saveCreation() -> Actions {
    guard storing == .not else { return [] }
    storing = .underway
    return .saveCreation
  }

  private mutating func finished(holdsOutput: Bool) -> Actions {
    if storing == .failed { return vanish() }
    if deleteAsked { return remove() }
    guard willDeliver, storing != .done else { return save(holdsOutput: holdsOutput) }
    // All of what is in memory is the answer.
    isAnswered = true
    return move(to: .delivering, .deliver)
  }

  /// Output goes into files only once there is a record of the job.
  private mutating func save(holdsOutput: Bool) -> Actions {
    switch storing {
    case .failed: return vanish()
    case .not: return saveCreation().union(move(to: .ended, []))
    case .underway where holdsOutput: return move(to: .ended, .hurry)
    case .done where holdsOutput: return move(to: .saving, [.keepOutput, .saveResult])
    case .underway, .done: return move(to: .saving, .saveResult)
    }
  }

  private mutating func remove() -> Actions {
    storing == .not || storing == .failed ? vanish() : move(to: .removing, .saveDeletion)
  }

  /// There is no record of it.
  private mutating func vanish() -> Actions {
    move(to: .removed, [.removeFiles, .answerDeletions, .release])
  }

  private mutating func move(to next: State, _ actions: Actions) -> Actions {
    state = next
    return actions
  }
}
