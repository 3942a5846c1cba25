import JobAPI
import JobClient

/// What became of each command, as far as it is known. No input or output.
struct BatchBook {
  /// A command that was sent.
  struct Job {
    let line: BatchLine
    /// How often it was created, those that never ran included, and how often it was tried.
    var attempt = 1
    var tries = 1
    fileprivate(set) var hasStarted = false
    /// Something was told of it, or its status was asked for.
    fileprivate(set) var isSeen = false
    /// It is to be asked for, if nothing is told of it.
    fileprivate(set) var isQuiet = true

    fileprivate mutating func seen() { (isSeen, isQuiet) = (true, false) }
  }

  /// What is known of a command's end.
  enum End {
    /// `wasBefore`: it was over when this run began to look.
    case status(StatusReply, wasBefore: Bool)
    /// Somebody removed it. `wasBefore`: it was gone when this run began to look.
    case removed(wasBefore: Bool)
    /// The daemon does not take it.
    case refused(String)
    /// An earlier run kept its results, and it had failed.
    case failedBefore
  }

  struct Ended {
    let job: Job
    /// Nil: it has none.
    let id: JobID?
    let end: End
  }

  enum Verdict: Equatable {
    case succeeded, failed, notRun
    case again(attempt: Int, tries: Int)
  }

  struct Rules: Sendable {
    /// Jobs that have not started: more are sent once there are fewer.
    var fewWaiting = 200
    /// Commands in hand, those that failed and are being dealt with included: none is sent beyond them, so that nothing
    /// begins after a failure but what was sent before.
    var mostInHand = Int.max
    var retries = 0
    var keepsGoing = false
    /// Successes have to be dealt with too.
    var keepsResults = false
    /// Jobs that succeeded are removed when all have ended.
    var removesSuccesses = false
  }

  struct Counts: Equatable {
    var succeeded = 0
    var failed = 0
    /// Taken out of the queue.
    var notRun = 0
    /// Those of which it is known that they run, and all others that are in the daemon.
    var running = 0
    var waiting = 0
    /// How many ran at once.
    var mostRunning = 0
    /// Those that an earlier run had dealt with.
    var before = 0
    var done: Int { succeeded + failed }
    /// As people are told: the daemon tells of a start up to a second late, and whose turn it is takes a slot that is left.
    var runningNow: Int { max(running, min(mostRunning, running + waiting)) }
    var waitingNow: Int { running + waiting - runningNow }
  }

  private struct Early {
    var hasStarted = false
    var status: StatusReply?
    var isRemoved = false
  }

  private let rules: Rules
  private var open: [JobID: Job] = [:]
  private var openBytes = 0
  /// What was told of jobs that may be those of a request under way.
  private var early: [JobID: Early] = [:]
  private var requestsUnderWay = 0
  /// Jobs of which nothing may have been told, and since when: microseconds.
  private var unseen: ArraySlice<(id: JobID, since: Int64)> = []
  private var ended: [Ended] = []
  /// How many there were in all.
  private(set) var endedInAll = 0
  /// Commands that ended and are being dealt with.
  private var dealing = 0
  /// Commands that ended without success, until they were dealt with.
  private var doubtful = 0
  private(set) var counts = Counts()
  /// The daemon was asked for something.
  private(set) var hasAsked = false
  /// Nothing more is sent.
  private(set) var isStopping = false
  /// All has ended, and nothing more comes.
  var isOver = false
  /// What ended the run.
  private(set) var fault: (any Error)?

  init(_ rules: Rules) { self.rules = rules }

  /// All that was sent was run, and nothing was kept back.
  var isWhole: Bool { !isStopping && counts.notRun == 0 }

  // MARK: What is sent

  private static let mostOpen = 20_000
  private static let mostOpenBytes = 64 << 20
  private static let mostEnded = 2000
  private static let mostEarly = 10_000

  /// How many more may be sent.
  var room: Int {
    guard counts.waiting < rules.fewWaiting, open.count < Self.mostOpen, openBytes < Self.mostOpenBytes,
      ended.count < Self.mostEnded
    else { return 0 }
    return max(0, rules.mostInHand - open.count - doubtful)
  }

  var isBusy: Bool { !open.isEmpty || !ended.isEmpty || dealing > 0 }
  /// The same, or a request is not answered whose jobs may run.
  var mayBeBusy: Bool { isBusy || requestsUnderWay > 0 }

  /// A request that creates jobs is sent: until ``requestEnded()`` what is told of unknown jobs is kept.
  mutating func requestBegins() {
    requestsUnderWay += 1
    hasAsked = true
  }

  mutating func requestEnded() {
    requestsUnderWay -= 1
    if requestsUnderWay == 0 { early = [:] }
  }

  /// The daemon has the job. `now`: microseconds of a clock that is never set.
  mutating func sent(_ job: Job, as id: JobID, now: Int64) {
    guard open[id] == nil else { return }
    open[id] = job
    openBytes += job.line.text.utf8.count
    counts.waiting += 1
    guard let early = early.removeValue(forKey: id) else {
      while let first = unseen.first, open[first.id]?.isQuiet != true { unseen.removeFirst() }
      return unseen.append((id, now))
    }
    open[id]!.seen()
    if early.hasStarted { started(id) }
    if let status = early.status { over(id, .status(status, wasBefore: false)) }
    if early.isRemoved { over(id, .removed(wasBefore: false)) }
  }

  mutating func refused(_ line: BatchLine, _ why: String) { end(Job(line: line), nil, .refused(why)) }

  /// An earlier run kept what became of it.
  mutating func known(_ line: BatchLine, succeeded: Bool) {
    counts.before += 1
    if succeeded { counts.succeeded += 1 } else { end(Job(line: line), nil, .failedBefore) }
  }

  // MARK: What is told

  mutating func take(_ event: JobEvent) {
    // A creation is known to have found a slot when no queue is told of next.
    if event.event != .queued { counts.mostRunning = max(counts.mostRunning, counts.running) }
    guard open[event.id] != nil else { return takeEarly(event) }
    open[event.id]!.seen()
    switch event.event {
    case .created, .started: started(event.id)
    case .queued: queued(event.id)
    case .finished: if let status = event.status { over(event.id, .status(status, wasBefore: false)) }
    case .deleted: over(event.id, .removed(wasBefore: false))
    }
  }

  private mutating func takeEarly(_ event: JobEvent) {
    guard requestsUnderWay > 0 else { return }
    // Whoever is forgotten is asked for.
    if early.count >= Self.mostEarly { early = [:] }
    var known = early[event.id] ?? Early()
    switch event.event {
    case .created, .started: known.hasStarted = true
    case .queued: known.hasStarted = false
    case .finished: known.status = event.status
    case .deleted: known.isRemoved = true
    }
    early[event.id] = known
  }

  /// The answer to a question for its status; nil: there is no such job.
  mutating func learn(_ id: JobID, _ status: StatusReply?) {
    guard let job = open[id] else { return }
    open[id]!.seen()
    guard let status else { return over(id, .removed(wasBefore: !job.isSeen)) }
    guard status.status == .running else { return over(id, .status(status, wasBefore: !job.isSeen)) }
    if status.queued != true { started(id) }
  }

  /// Events may have been missed.
  mutating func lookAgain(now: Int64) {
    for id in open.keys { open[id]!.isQuiet = true }
    unseen = open.keys.map { ($0, now) }[...]
  }

  /// Jobs to ask for: nothing was told of them since `time`.
  mutating func unseen(before time: Int64, most: Int) -> [JobID] {
    let old = unseen.prefix { $0.since <= time }.prefix(most)
    unseen.removeFirst(old.count)
    return old.map(\.id).filter { open[$0]?.isQuiet == true }
  }

  private mutating func started(_ id: JobID) {
    guard open[id]?.hasStarted == false else { return }
    open[id]!.hasStarted = true
    counts.waiting -= 1
    counts.running += 1
  }

  private mutating func queued(_ id: JobID) {
    guard open[id]?.hasStarted == true else { return }
    open[id]!.hasStarted = false
    counts.waiting += 1
    counts.running -= 1
  }

  private mutating func over(_ id: JobID, _ how: End) {
    guard let job = open.removeValue(forKey: id) else { return }
    openBytes -= job.line.text.utf8.count
    if job.hasStarted { counts.running -= 1 } else { counts.waiting -= 1 }
    end(job, id, how)
  }

  private mutating func end(_ job: Job, _ id: JobID?, _ how: End) {
    let one = Ended(job: job, id: id, end: how)
    let succeeded = verdict(one) == .succeeded
    if !rules.keepsResults, succeeded {
      counts.succeeded += 1
      return
    }
    if !succeeded { doubtful += 1 }
    ended.append(one)
    endedInAll += 1
  }

  // MARK: What is to be done about it

  /// One that is to be dealt with, until ``close(_:)`` or ``dealt()``.
  mutating func nextEnded() -> Ended? {
    guard !ended.isEmpty else { return nil }
    dealing += 1
    return ended.removeFirst()
  }

  func verdict(_ ended: Ended) -> Verdict {
    let job = ended.job
    switch ended.end {
    // Of a job that is gone nobody knows how it ended, or whether it ran.
    case .refused, .failedBefore, .removed: return .failed
    case .status(let status, let wasBefore):
      if ExitCode.of(status) == 0 { return .succeeded }
      if status.neverRan {
        return wasBefore && !isStopping ? .again(attempt: job.attempt + 1, tries: job.tries) : .notRun
      }
      guard job.tries <= rules.retries, !isStopping else { return .failed }
      return .again(attempt: job.attempt + 1, tries: job.tries + 1)
    }
  }

  /// Its end was dealt with.
  mutating func close(_ verdict: Verdict) {
    dealing -= 1
    if verdict != .succeeded { doubtful -= 1 }
    switch verdict {
    case .succeeded: counts.succeeded += 1
    case .failed: counts.failed += 1
    case .notRun: counts.notRun += 1
    // It was sent once more.
    case .again: return
    }
    if verdict != .succeeded, !rules.keepsGoing { isStopping = true }
  }

  /// Those that have not started, the newest first.
  var waiting: [JobID] { open.filter { !$0.value.hasStarted }.map(\.key).sorted(by: >) }

  /// Nothing more is sent, and what is under way is waited for.
  mutating func stop() { isStopping = true }

  mutating func fail(_ error: any Error) { if fault == nil { fault = error } }
}

extension StatusReply {
  /// It was stopped before it was started.
  var neverRan: Bool { status == .error && endedBy == .stop }
}
