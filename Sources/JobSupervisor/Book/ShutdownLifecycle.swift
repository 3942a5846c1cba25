/// The orderly end of the supervisor, as a pure state machine: told what happened, it says what to do. No I/O.
///
/// ```
/// draining ─▶ stoppingJobs ─▶ lastReplies ─▶ over
/// ```
struct ShutdownLifecycle: Equatable {
  enum Phase: Equatable {
    /// The api process finishes the replies it is giving, but those that follow a job.
    case draining
    case stoppingJobs
    /// What followed a job or waited for its end is finished, and what is on its way to the disk gets there.
    case lastReplies
    case over
  }

  enum Event: Equatable, CaseIterable {
    /// There is less to wait for than before.
    case progress
    /// The timer that ``Actions/lastReplies`` asked for, or that of the drain.
    case timeIsUp
    /// Nothing is to be waited for any longer, not even a result that the disk does not take.
    case hurry
  }

  /// What there is still.
  struct Rest: Equatable {
    /// Api processes; those that give replies which do not follow a job.
    var apis, replies: Bool
    /// Jobs that run or whose result is not on disk; the former.
    var jobs, running: Bool
    /// Changes on their way to the disk: of a deletion the files are removed once its record is.
    var changes: Bool
  }

  /// What is to be done, in the order of declaration.
  struct Actions: OptionSet, Equatable {
    let rawValue: UInt8
    /// TERM, and KILL after each job's time of grace.
    static let stopJobs = Actions(rawValue: 1)
    static let killJobs = Actions(rawValue: 2)
    /// Tell the api processes that no job runs, and limit the time of the last replies.
    static let lastReplies = Actions(rawValue: 4)
    static let killApis = Actions(rawValue: 8)
    static let end = Actions(rawValue: 16)
  }

  private(set) var phase = Phase.draining
  private var isHurried = false

  mutating func handle(_ event: Event, _ rest: Rest) -> Actions {
    var actions: Actions = []
    if event == .hurry { isHurried = true }
    let waitsForJobs = isHurried ? rest.running : rest.jobs
    if phase == .draining, event != .progress || !rest.replies {
      phase = .stoppingJobs
      actions.insert(.stopJobs)
    } else if phase == .lastReplies, event == .timeIsUp {
      actions.insert(.killApis)
    }
    if phase == .stoppingJobs, event == .hurry { actions.insert(.killJobs) }
    if phase == .stoppingJobs, !waitsForJobs {
      phase = .lastReplies
      actions.insert(.lastReplies)
    }
    if phase == .lastReplies, !rest.apis, !waitsForJobs, !rest.changes {
      phase = .over
      actions.insert(.end)
    }
    return actions
  }
}
