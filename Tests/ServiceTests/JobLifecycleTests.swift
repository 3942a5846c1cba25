import Testing

@testable import JobSupervisor

/// Every way a job's life can take, enumerated whole, against what must hold of each.
struct JobLifecycleTests {
  /// Events that can come in a state: the store answers what was asked of it, the engine tells of what was launched.
  private static func possible(_ job: JobLifecycle) -> [JobLifecycle.Event] {
    var events = possibleInState(job)
    if job.hasReceiver { events.append(.notDelivered) }
    if job.isActive, job.storing == .not { events.append(.storeAsked) }
    if job.storing == .underway, job.state != .accepting, job.state != .removed {
      events += [.accepted, .notAccepted]
    }
    return events
  }

  private static func possibleInState(_ job: JobLifecycle) -> [JobLifecycle.Event] {
    // What was queued in the store after the creation is told after it.
    let isFirst = job.storing != .underway
    let ends: [JobLifecycle.Event] = [.finished, .finishedHolding, .finishedUnclean]
    switch job.state {
    case .accepting: return [.accepted, .notAccepted, .deleteAsked]
    case .launching:
      // One whose creation failed is killed at once.
      return [.started, .deleteAsked] + ends + (job.storing == .failed ? [] : [.requeueAsked])
    case .dequeuing: return [.dequeued, .notThere, .deleteAsked]
    case .requeuing:
      let asked: [JobLifecycle.Event] = job.storing == .failed ? [.notRequeued] : [.requeued, .notRequeued]
      return (isFirst ? asked : []) + [.deleteAsked]
    case .waiting, .removed: return []
    case .running: return ends + [.deleteAsked]
    case .cleaning: return [.cleaned, .notCleaned, .deleteAsked]
    case .delivering: return [.delivered, .deleteAsked]
    case .ended: return [.deleteAsked]
    case .saving: return (isFirst ? [.resultSaved, .resultNotSaved] : []) + [.deleteAsked]
    case .removing: return (isFirst ? [.deletionSaved, .deletionNotSaved] : []) + [.deleteAsked]
    case .saved: return [.deleteAsked]
    }
  }

  /// A job with all that an observer outside can have seen of it.
  private struct Seen: Hashable {
    var job: JobLifecycle
    var wasAnswered = false
    var wasLaunched = false
    var hasEnded = false
    var isOnDisk = false
    var isRemoved = false
    var isReleased = false
    /// A deletion was asked for and nobody was answered since.
    var deleterWaits = false
  }

  /// All that can be reached from a beginning, and from where each can be left.
  private func explore(_ start: Seen) throws -> [Seen: Set<Seen>] {
    var successors: [Seen: Set<Seen>] = [:]
    var open = [start]
    while let seen = open.popLast() {
      guard successors[seen] == nil else { continue }
      successors[seen] = []
      for event in Self.possible(seen.job) where !seen.isReleased {
        let next = try step(seen, event)
        successors[seen]!.insert(next)
        open.append(next)
      }
    }
    return successors
  }

  private static let beginnings: [Seen] = [
    Seen(job: JobLifecycle()),
    Seen(job: JobLifecycle(waits: true)),
    Seen(job: JobLifecycle(waits: true, answersAtEnd: true)),
    Seen(job: JobLifecycle(removes: true, hasReceiver: true)),
    Seen(job: JobLifecycle(answersAtEnd: true)),
    Seen(job: JobLifecycle(run: .underway, removes: false, answersAtEnd: true), wasLaunched: true),
    Seen(job: JobLifecycle(run: .underway, removes: false, answersAtEnd: false), wasLaunched: true),
    Seen(job: JobLifecycle(run: .not, removes: true, answersAtEnd: false), wasLaunched: true),
    Seen(job: JobLifecycle(run: .underway, removes: true, answersAtEnd: false), wasLaunched: true),
    Seen(
      job: JobLifecycle(state: .dequeuing, removes: true, hasReceiver: true), wasAnswered: true,
      isOnDisk: true),
    Seen(job: JobLifecycle(state: .dequeuing, answersAtEnd: true), isOnDisk: true),
    Seen(job: JobLifecycle(state: .dequeuing), wasAnswered: true, isOnDisk: true),
    Seen(job: JobLifecycle(state: .running), wasAnswered: true, wasLaunched: true),
    Seen(job: JobLifecycle(state: .saving), wasAnswered: true, wasLaunched: true, hasEnded: true),
    Seen(
      job: JobLifecycle(state: .saved), wasAnswered: true, wasLaunched: true, hasEnded: true, isOnDisk: true),
  ]

  @Test(arguments: beginnings.indices)
  func everyWayEndsInOrder(beginning: Int) throws {
    let successors = try explore(Self.beginnings[beginning])
    #expect(successors.count > 3)
    // From everywhere there is a way to an end.
    var ending = Set(successors.keys.filter(\.isReleased))
    #expect(!ending.isEmpty)
    while true {
      let more = successors.filter { !ending.contains($0.key) && !$0.value.isDisjoint(with: ending) }
      guard !more.isEmpty else { break }
      ending.formUnion(more.keys)
    }
    #expect(ending.count == successors.count, "a job can be stuck")
    for seen in successors.keys where seen.isReleased {
      #expect(!seen.deleterWaits, "nobody waits for a job that is let go")
      #expect(seen.isRemoved || seen.isOnDisk || !seen.wasAnswered, "nothing is lost")
      #expect(seen.hasEnded || !seen.wasLaunched, "no process goes on")
    }
  }

  @Test func everyStateIsReached() throws {
    let reached = try Self.beginnings.flatMap { try explore($0).keys.map(\.job.state) }
    for state in JobLifecycle.State.allCases { #expect(reached.contains(state), "\(state)") }
  }

  private func step(_ before: Seen, _ event: JobLifecycle.Event) throws -> Seen {
    var seen = before
    switch event {
    case .finished, .finishedHolding, .finishedUnclean: seen.hasEnded = true
    case .resultSaved: seen.isOnDisk = true
    case .deletionSaved: (seen.isOnDisk, seen.isRemoved) = (false, true)
    case .deleteAsked: seen.deleterWaits = true
    case .dequeued: seen.isOnDisk = false
    case .notThere: seen.isRemoved = true
    // Told before it is handed to the engine.
    case .requeueAsked: seen.wasLaunched = false
    case .requeued: seen.isOnDisk = true
    default: break
    }
    let actions = seen.job.handle(event)
    if seen.job.state == .waiting || event == .accepted && seen.job.isSaved { seen.isOnDisk = true }
    if actions.contains(.answerCreation) {
      #expect(!before.wasAnswered && (event == .accepted || event == .resultSaved && seen.isOnDisk))
      seen.wasAnswered = true
    }
    if actions.contains(.deliver) {
      #expect(seen.hasEnded && seen.job.removes && seen.job.hasReceiver)
      #expect(seen.job.storing != .done)
      seen.wasAnswered = true
    }
    // Without a record there is nothing to remove from the disk.
    if seen.job.state == .removed, seen.job.storing == .not || seen.job.storing == .failed {
      seen.isRemoved = true
    }
    if actions.contains(.saveCreation) {
      #expect(before.job.storing == .not && seen.job.storing == .underway)
    }
    if !actions.isDisjoint(with: [.launch, .admit]) {
      #expect(
        !before.wasLaunched && [.accepted, .dequeued].contains(event),
        "launched once, and only when it is on disk")
      seen.wasLaunched = true
    }
    if actions.contains(.saveDeletion) {
      #expect(seen.hasEnded || !seen.wasLaunched, "its processes are gone before its record is")
    }
    if actions.contains(.saveResult) {
      #expect((seen.hasEnded || !seen.wasLaunched) && !seen.isOnDisk, "what can still run has no result")
    }
    if actions.contains(.kill) { #expect([.deleteAsked, .notAccepted].contains(event) && !seen.hasEnded) }
    if actions.contains(.removeFiles) { #expect(seen.isRemoved) }
    if actions.contains(.announceDeletion) { #expect(seen.isRemoved) }
    if actions.contains(.answerDeletions) { #expect(seen.isRemoved || event == .notAccepted) }
    if !actions.isDisjoint(with: [.answerDeletions, .refuseDeletions]) { seen.deleterWaits = false }
    if actions.contains(.release) { seen.isReleased = true }
    return seen
  }

  /// What cannot come changes nothing.
  @Test func whatCannotComeIsIgnored() throws {
    let all = try Set(Self.beginnings.flatMap { try explore($0).keys.map(\.job) })
    for job in all {
      for event in JobLifecycle.Event.allCases
      where !Self.possible(job).contains(event) && event != .deleteAsked {
        // The store answers in order: that is not for the job to look after.
        if job.storing == .underway, job.state != .accepting { continue }
        var next = job
        #expect(next.handle(event) == [] && next == job, "\(job) \(event)")
      }
    }
  }

  @Test func aDeletionThatCannotBeSavedKeepsTheJob() {
    var job = JobLifecycle()
    _ = job.handle(.accepted)
    _ = job.handle(.started)
    #expect(job.handle(.deleteAsked) == .kill)
    #expect(job.handle(.finished) == .saveDeletion)
    #expect(job.handle(.deletionNotSaved) == [.keepOutput, .refuseDeletions, .saveResult])
    #expect(job.handle(.resultSaved) == [.announce, .release])
  }

  /// It could not be found any more.
  @Test func aJobOfWhichSomethingIsLeftElsewhereIsNotRemoved() {
    var job = JobLifecycle(state: .running)
    #expect(job.handle(.deleteAsked) == .kill)
    #expect(job.handle(.finishedUnclean) == .clean)
    var done = job
    #expect(done.handle(.cleaned) == .saveDeletion)
    #expect(job.handle(.notCleaned) == [.refuseDeletions, .saveResult])
    #expect(job.handle(.resultSaved) == [.announce, .release])
  }

  @Test func aJobDeletedBeforeItIsOnDiskIsNeverLaunched() {
    var job = JobLifecycle()
    #expect(job.handle(.deleteAsked) == [])
    #expect(job.handle(.accepted) == [.answerCreation, .saveDeletion])
  }
}
