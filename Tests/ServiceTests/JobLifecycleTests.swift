import Harness
import Testing

@testable import JobSupervisor

/// Random sequences of events against a model of what must hold of every job's life.
struct JobLifecycleTests {
  /// What an observer outside can see of one job.
  private struct Model {
    var creationAnswers = 0
    var launched = 0
    var ended = false
    var resultSaved = false
    var deletionSaved = false
    var released = false
    /// A deletion was asked for and nobody was answered since.
    var deleterWaits = false
  }

  /// Events that can come in a state: the store answers what was asked of it, the engine tells of what was launched.
  private static func possible(_ job: JobLifecycle) -> [JobLifecycle.Event] {
    switch job.state {
    case .accepting: [.accepted, .notAccepted, .deleteAsked]
    case .launching: [.started, .finished, .deleteAsked]
    case .running: [.finished, .deleteAsked]
    case .saving: [.resultSaved, .resultNotSaved, .deleteAsked]
    case .removing: [.deletionSaved, .deletionNotSaved, .deleteAsked]
    case .saved, .removed: []
    }
  }

  @Test(arguments: 0..<2000)
  func everySequenceEndsInOrder(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var job = JobLifecycle()
    var model = Model()
    for _ in 0..<1000 {
      guard let event = Self.possible(job).randomElement(using: &random) else { break }
      if event == .finished { model.ended = true }
      if event == .deletionSaved { model.deletionSaved = true }
      if event == .resultSaved { model.resultSaved = true }
      if event == .deleteAsked { model.deleterWaits = true }
      try check(job.handle(event), after: event, &model)
    }
    // A job that was let go was saved, removed, or never accepted, and nobody waits for anything.
    if model.released {
      #expect(!model.deleterWaits)
      #expect(model.deletionSaved || model.resultSaved || model.creationAnswers == 0)
    }
  }

  private func check(_ actions: JobLifecycle.Actions, after event: JobLifecycle.Event, _ model: inout Model)
    throws
  {
    try #require(!model.released || actions.isEmpty, "nothing follows the release")
    if actions.contains(.answerCreation) { model.creationAnswers += 1 }
    if actions.contains(.launch) { model.launched += 1 }
    #expect(model.creationAnswers <= 1)
    #expect(model.launched <= 1)
    if actions.contains(.launch) { #expect(event == .accepted, "launched only once it is on disk") }
    if actions.contains(.saveDeletion) {
      #expect(model.ended || model.launched == 0, "its processes are gone before its record is")
    }
    if actions.contains(.answerDeletions) { #expect(model.deletionSaved || event == .notAccepted) }
    if !actions.isDisjoint(with: [.answerDeletions, .refuseDeletions]) { model.deleterWaits = false }
    if actions.contains(.removeFiles) { #expect(model.deletionSaved) }
    if actions.contains(.kill) { #expect(event == .deleteAsked && !model.ended) }
    if actions.contains(.release) { model.released = true }
  }

  @Test func aDeletionThatCannotBeSavedKeepsTheJob() {
    var job = JobLifecycle()
    _ = job.handle(.accepted)
    _ = job.handle(.started)
    #expect(job.handle(.deleteAsked) == .kill)
    #expect(job.handle(.finished) == .saveDeletion)
    #expect(job.handle(.deletionNotSaved) == [.refuseDeletions, .saveResult])
    #expect(job.handle(.resultSaved) == [.announce, .release])
  }

  @Test func aJobDeletedBeforeItIsOnDiskIsNeverLaunched() {
    var job = JobLifecycle()
    #expect(job.handle(.deleteAsked) == [])
    #expect(job.handle(.accepted) == [.answerCreation, .saveDeletion])
  }
}
