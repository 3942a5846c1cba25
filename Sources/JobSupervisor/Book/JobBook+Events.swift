import JobAPI
import JobModel
import JobStore
import Platform

extension JobBook {
  /// A point in time by both clocks, in microseconds: since 1970, and of one that is never set.
  struct Instant: Equatable {
    var wall, monotonic: Int64
  }

  /// What happened.
  enum Event {
    /// Other settings hold for these clients from now on.
    case settings([Int64: ClientSettings])
    case create(NewJob)
    /// `caller` nil: it was kept long enough.
    case delete(JobID, client: Int64, Caller?)
    /// `grace` nil: as the job was created with.
    case stop(JobID, client: Int64, by: String, grace: UInt64?, queued: Bool, Caller)
    case stored(token: UInt64, StoreOutcome)
    /// Its launch takes long.
    case launchWaits(JobID)
    /// What became of results that were to be delivered by this api process.
    case delivered([JobID], client: Int64, isWhole: Bool, child: Int)
    /// An api process is gone.
    case callersGone(child: Int)
    /// Less of a job's output is in files than was in memory when it ended.
    case outputCut(JobRecord)
    /// More output of a job than is held in memory.
    case outputFull(JobID)
    case started(JobID, pid: Int32, at: Int64)
    /// With how it ended, also when it could not be started. `isLaunching`: its process is left, and
    /// ``slowLaunchGone(client:)`` follows.
    case ended(JobRecord, isLaunching: Bool = false, holdsOutput: Bool = false)
    case slowLaunchGone(client: Int64)
    /// A command of its runner failed, in words.
    case runnerFailed(JobID, client: Int64, String)
    /// What ``Effect/clean(_:)`` asked for, or is done for a job that is over. `error`: what went wrong before.
    case cleaned(JobID, client: Int64, error: String?)
    /// It is not done yet, and goes on without the book.
    case notCleaned(JobID, failure: String)
    /// What ``Effect/launch`` asked for could not be begun.
    case notLaunched(JobID, why: String)
    case adopted(JobRecord, JobPlan, pid: Int32, isStartStored: Bool)
    /// Jobs that wait since an earlier daemon, or supervisor.
    case waiting([StoredQueue])
    /// What ``Effect/loadQueue(_:)`` asked for; nil: it could not be read.
    case loaded(QueueKey, [QueuePlace]?)
    /// Whether a job that waited may be launched; nil: it may.
    case admitted(JobID, Refusal?)
    /// No job is launched, until ``launchesResumed``: those that are accepted wait.
    case launchesPaused
    case launchesResumed
    /// Jobs of an earlier daemon, whose records say so.
    case lost([JobRecord])
    /// No job is created or launched any more.
    case stopping
    /// All are to end.
    case stopAll
    case killAll
    case timePassed
  }

  /// What is to be done, in this order.
  enum Effect: Equatable {
    case store(StoreChange, token: UInt64)
    /// Stores a result with what is known of the output.
    case saveResult(JobRecord, isStartStored: Bool, token: UInt64)
    /// `holdsOutput`: in memory, until ``keepOutput(_:)``.
    case launch(JobID, ApiRequest.Creation, grace: UInt64, holdsOutput: Bool)
    case keepOutput(JobID)
    case dropOutput(JobID)
    /// What is queued in the store is waited for.
    case hurryStore
    /// Answer with all of a job, whose output is in memory.
    case deliver(Caller, JobRecord)
    /// Look whether it may be launched, and tell by ``Event/admitted(_:_:)``. It waited so many microseconds.
    case admit(JobRecord, ApiRequest.Creation, waited: Int64)
    /// Tell which jobs go first in a queue: ``WaitingJobs/most`` of them, or all there are.
    case loadQueue(QueueKey)
    case stop(JobID, grace: UInt64)
    /// It takes no input any more, for this reason.
    case inputEnded(JobID, Refusal)
    /// It has run for a while: a successor is to find it.
    case hold(JobID)
    /// Some of its output is not on disk, and asking again would not tell.
    case outputLost(JobID, SystemError)
    /// Tell the api process.
    case announce(JobRecord, pid: Int32)
    case announceDeletion(JobID)
    case answer(Caller, Answer)
    case removeFiles(JobID)
    /// Delete it once nothing is left of it elsewhere (``Event/delete``).
    case delete(JobID, client: Int64)
    /// End what the job's runner may have left elsewhere, and tell by ``Event/cleaned(_:client:error:)``.
    case clean(JobRecord)
    case count(SupervisorCounts.Counter, Int = 1)
    /// The job is in the book no more.
    case release(JobID)
    /// What becomes of the jobs that were lost is on disk, as far as the disk takes it.
    case lostAreStored
  }

  enum Answer: Equatable {
    case created(JobID)
    case launched(JobID)
    case done
    case refused(Refusal)
  }

  /// A job that a client asks for.
  struct NewJob {
    let id: JobID
    let client: Int64
    let clientName: String
    let creation: ApiRequest.Creation
    /// Bytes that the client has in the store.
    let storedBytes: Int64
    /// Why this daemon runs no such job.
    var refusal: Refusal?
    /// Its runner may leave something elsewhere.
    var mayLeave = false
    let caller: Caller
  }

  /// A job in hand: from its creation, or the wish to delete it, until its result or its deletion is on disk.
  struct Entry {
    var lifecycle: JobLifecycle
    var record: JobRecord
    /// Of its first process; 0: none runs.
    var pid: Int32 = 0
    /// Milliseconds between TERM and KILL.
    var grace: UInt64
    /// What to launch, until it is launched or has ended before.
    var creation: ApiRequest.Creation?
    /// Nil once it was answered.
    var creator: Caller?
    /// Nil: it was created to be asked for.
    var run: Run?
    var deleters: [Caller] = []
    var deletionRefusal: Refusal?
    /// Answered when the job has ended.
    var stoppers: [Caller] = []
    /// Its start is in the store, or on the way there.
    var isStartStored = false
    /// Of inline standard input and secrets, as far as they are in memory.
    var inputBytes = 0
    /// The queue whose slot it has; nil: it has none.
    var slot: QueueKey?
    var isLost = false
    var launchWaits = false
    var mayHaveFiles = true

    init(_ record: JobRecord, _ lifecycle: JobLifecycle, grace: UInt64) {
      (self.record, self.lifecycle, self.grace) = (record, lifecycle, grace)
    }

    /// Nothing of it would be lost if the daemon ended now.
    private var isWaitingInStore: Bool {
      [.dequeuing, .requeuing, .waiting].contains(lifecycle.state)
        || lifecycle.state == .accepting && record.isQueued
    }
    var isUnfinished: Bool {
      !lifecycle.isSaved && !isLost && !isWaitingInStore && lifecycle.state != .delivering
    }
    /// It waits for its turn to be launched, with a slot.
    var isWaiting: Bool { lifecycle.state == .launching && creation != nil }
  }

  /// What to go on with when a change is on disk.
  enum Change {
    case creation(JobID)
    case result(JobID)
    case deletion(JobID)
    /// For the job of a request that a limit forbids.
    case search(Caller, ClientLimits.Reached)
    case dequeue(JobID)
    case requeue(JobID)
    case cleanup(CleanupNote)
    /// That a job was started: its end says so too.
    case start
  }

  /// What to look at again some time after the first of it came.
  struct Later<Element> {
    private var elements: [Element] = []
    private(set) var due = Int64.max
    /// Microseconds.
    private let delay: Int64

    init(delay: Int64) { self.delay = delay }

    mutating func add(_ element: Element, _ now: Int64) {
      if elements.isEmpty { due = now + delay }
      elements.append(element)
    }

    /// All of them, once they are due.
    mutating func take(_ now: Int64) -> [Element] {
      guard due <= now else { return [] }
      defer { (elements, due) = ([], .max) }
      return elements
    }
  }
}

/// An api process that waits for an answer.
struct Caller: Hashable {
  /// The number of the process.
  let child: Int
  let ticket: UInt64
}

extension StoreOutcome {
  /// A change of a job the store does not know is over too: another deletion came before.
  var isOver: Bool {
    switch self {
    case .saved, .deleted, .dequeued, .notFound: true
    default: false
    }
  }
}

extension Refusal {
  static let keyReused = Refusal(
    reason: .keyReused, text: "the Idempotency-Key was used with another request")

  /// What the store could not do. A client may try again later, but for what an operator has to mend first.
  init(_ what: String, _ error: StoreError) {
    let reason: Reason =
      switch error.kind {
      case .full: .noSpace
      case .readOnly, .inputOutput, .outOfMemory, .other: .unavailable
      case .damaged, .newer, .inUse: .failed
      }
    self.init(reason: reason, text: "\(what): \(error)")
  }
}
