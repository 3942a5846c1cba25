import Harness
import Testing

@testable import JobSupervisor

/// Random ends of api processes, jobs and changes, signals and timers, against what must hold of an orderly end.
struct ShutdownLifecycleTests {
  /// What runs, as it can really go: jobs bring changes, and changes get onto the disk.
  private struct World {
    var apis, replies, jobs, changes: Int
    var jobsAreStopped = false

    var rest: ShutdownLifecycle.Rest {
      ShutdownLifecycle.Rest(
        apis: apis > 0, replies: apis > 0 && replies > 0, jobs: jobs > 0, running: jobs > 0,
        changes: changes > 0)
    }

    mutating func goOn(using random: inout SplitMix) {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: apis = max(0, apis - 1)
      case 1 where jobs > 0 && jobsAreStopped:
        jobs -= 1
        changes += 1
      // What was kept long enough is let go meanwhile.
      case 2 where apis > 0: changes += 1
      case 3: replies = max(0, replies - 1)
      default: changes = max(0, changes - 1)
      }
    }
  }

  @Test(arguments: 0..<1000)
  func itEndsInOrder(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var world = World(
      apis: Int.random(in: 0...2, using: &random), replies: Int.random(in: 0...2, using: &random),
      jobs: Int.random(in: 0...4, using: &random),
      changes: Int.random(in: 0...3, using: &random))
    var lifecycle = ShutdownLifecycle()
    var stops = 0
    for _ in 0..<10_000 where lifecycle.phase != .over {
      let event: ShutdownLifecycle.Event =
        Int.random(in: 0..<20, using: &random) == 0
        ? ShutdownLifecycle.Event.allCases.randomElement(using: &random)! : .progress
      let actions = lifecycle.handle(event, world.rest)
      if actions.contains(.stopJobs) {
        stops += 1
        world.jobsAreStopped = true
      }
      if actions.contains(.killApis) { world.apis = 0 }
      if actions.contains(.killJobs) { #expect(event == .hurry && world.jobsAreStopped) }
      if actions.contains(.end) {
        #expect(
          world.rest
            == ShutdownLifecycle.Rest(
              apis: false, replies: false, jobs: false, running: false, changes: false))
      }
      world.goOn(using: &random)
    }
    try #require(lifecycle.phase == .over)
    #expect(stops == 1)
    for event in ShutdownLifecycle.Event.allCases { #expect(lifecycle.handle(event, world.rest) == []) }
  }

  @Test func aDeletionThatIsOnItsWayIsWaitedFor() {
    var lifecycle = ShutdownLifecycle()
    let busy = ShutdownLifecycle.Rest(apis: false, replies: false, jobs: false, running: false, changes: true)
    #expect(lifecycle.handle(.progress, busy) == [.stopJobs, .lastReplies])
    #expect(lifecycle.handle(.timeIsUp, busy) == .killApis)
    #expect(
      lifecycle.handle(
        .progress, .init(apis: false, replies: false, jobs: false, running: false, changes: false)) == .end)
  }

  @Test func aSecondSignalKillsWhatRuns() {
    var lifecycle = ShutdownLifecycle()
    let all = ShutdownLifecycle.Rest(apis: true, replies: true, jobs: true, running: true, changes: false)
    #expect(lifecycle.handle(.progress, all) == [])
    #expect(lifecycle.handle(.hurry, all) == [.stopJobs, .killJobs])
    #expect(lifecycle.handle(.hurry, all) == .killJobs)
  }

  /// As on a full disk: the result of a job that has ended is tried again and again.
  @Test func aSecondSignalWaitsForNoResult() {
    var lifecycle = ShutdownLifecycle()
    let unsaved = ShutdownLifecycle.Rest(
      apis: false, replies: false, jobs: true, running: false, changes: false)
    #expect(lifecycle.handle(.progress, unsaved) == .stopJobs)
    #expect(lifecycle.handle(.progress, unsaved) == [])
    #expect(lifecycle.handle(.hurry, unsaved) == [.killJobs, .lastReplies, .end])
  }

  @Test func repliesThatFollowAJobAreNotWaitedFor() {
    var lifecycle = ShutdownLifecycle()
    var rest = ShutdownLifecycle.Rest(apis: true, replies: true, jobs: true, running: true, changes: false)
    #expect(lifecycle.handle(.progress, rest) == [])
    rest.replies = false
    #expect(lifecycle.handle(.progress, rest) == .stopJobs)
    (rest.jobs, rest.running) = (false, false)
    #expect(lifecycle.handle(.progress, rest) == .lastReplies)
    rest.apis = false
    #expect(lifecycle.handle(.progress, rest) == .end)
  }
}
