import CJobEngine
import Glibc
import Testing

@testable import JobEngine

/// Jobs whose TERM their owner sends, and what a supervisor that is killed meanwhile leaves to the next one.
struct OwnersSignalTests {
  private static let listening =
    "trap 'echo got' USR1; trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.01; done"
  private static let deaf = "trap '' TERM; echo up; while :; do sleep 0.01; done"
  private static let plain = EngineTests.Kind(launchers: 0, usesCgroup: false)

  private static func owned(_ script: String) -> EngineHarness.Launch {
    var launch = EngineHarness.shell(script)
    launch.signals = JC_SIGNALS_OWNER
    return launch
  }

  /// A job that has written `up`.
  private func start(_ harness: EngineHarness, _ launch: EngineHarness.Launch) throws -> TestJob {
    let job = try harness.start(launch)
    try harness.run { harness.output(of: job) == "up\n" }
    return job
  }

  @Test(arguments: EngineTests.Kind.all)
  func theOwnerIsAskedForTerm(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let job = try start(harness, Self.owned(Self.listening))
    job.running!.stop(grace: 120_000)
    job.running!.stop(grace: 60_000)
    #expect(job.termAsked == 1)
    #expect(job.running!.signal(SIGUSR1, tree: true) == 0)
    try harness.run { harness.output(of: job) == "up\ngot\n" }
    #expect(job.running!.signal(SIGTERM, tree: true) == 0)
    job.running!.termSent()
    let end = try harness.finish(job)
    #expect(end.stdout == "up\ngot\ntold\n" && end.result.exit_code == 5 && !end.result.killed)
    #expect(job.termAsked == 1)
  }

  @Test(arguments: EngineTests.Kind.all)
  func theGraceAfterItIsTheEngines(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let stopped = try start(harness, Self.owned(Self.deaf))
    stopped.running!.stop(grace: 100)
    var result = try harness.finish(stopped).result
    #expect(stopped.termAsked == 1 && result.signal == SIGKILL && result.killed)
    var launch = Self.owned(Self.deaf)
    (launch.timeout, launch.grace) = (50, 50)
    let late = try harness.start(launch)
    result = try harness.finish(late).result
    #expect(late.termAsked == 1 && result.signal == SIGKILL && result.killed && result.timed_out)
    let killed = try start(harness, Self.owned(Self.deaf))
    killed.running!.stop(grace: 0)
    result = try harness.finish(killed).result
    #expect(killed.termAsked == 0 && result.signal == SIGKILL && result.killed)
    #expect(try !harness.run("exit 3").result.killed)
  }

  /// Goes on with the job of a supervisor that is killed after `act`: `first` makes no step from then on.
  private func takeOver(
    _ first: EngineHarness, _ job: TestJob, by second: EngineHarness, _ act: (RunningJob) -> Void
  ) throws -> TestJob {
    let entry = try #require(try job.running!.makeEntry())
    defer { close(entry) }
    act(job.running!)
    return try second.adopt(entry, name: "0")
  }

  /// There is no keeper that reaps its process.
  private func finish(_ job: TestJob, of harness: EngineHarness) throws -> EngineHarness.End {
    let pid = job.running!.pid
    try harness.run { job.result != nil || waitpid(pid, nil, WNOHANG) == pid }
    return try harness.finish(job)
  }

  private func state(of job: TestJob) throws -> jc_job_state {
    var state = jc_job_state()
    let entry = try #require(try job.running!.makeEntry())
    defer { close(entry) }
    try #require(jc_entry_read(entry, &state) == 0)
    jc_job_state_close(&state)
    return state
  }

  @Test func aSuccessorGoesOnWithTheWayOfTheSignals() throws {
    for signals in [JC_SIGNALS_TREE, JC_SIGNALS_INSIDE, JC_SIGNALS_OWNER] {
      let (first, second) = (try EngineHarness(Self.plain), try EngineHarness(Self.plain))
      var launch = EngineHarness.shell(Self.deaf)
      launch.signals = signals
      let job = try start(first, launch)
      let next = try takeOver(first, job, by: second) { _ in }
      #expect(try state(of: next).signals == signals)
      next.running!.stop(grace: 50)
      #expect(
        try finish(next, of: second).result.killed && next.termAsked == (signals == JC_SIGNALS_OWNER ? 1 : 0))
      _ = try first.finish(job)
    }
  }

  @Test func aSuccessorAsksAgainUnlessItWasSent() throws {
    for isSent in [false, true] {
      let (first, second) = (try EngineHarness(Self.plain), try EngineHarness(Self.plain))
      let job = try start(first, Self.owned(Self.listening))
      let next = try takeOver(first, job, by: second) { running in
        running.stop(grace: 60_000)
        if isSent { running.termSent() }
      }
      #expect(job.termAsked == 1 && next.termAsked == 0, "its owner has it only now")
      let before = try state(of: next)
      #expect(before.term_pending == !isSent)
      if !isSent { try second.run { next.termAsked > 0 } }
      // The end of the grace stays, but for a part of a millisecond.
      #expect(abs(try state(of: next).deadline - before.deadline) <= 1)
      next.running!.termSent()
      #expect(try !state(of: next).term_pending)
      #expect(next.running!.signal(SIGTERM, tree: true) == 0)
      #expect(try finish(next, of: second).stdout == "told\n" && next.termAsked == (isSent ? 0 : 1))
      _ = try first.finish(job)
    }
  }

  @Test func theGraceOfAPredecessorIsNotLost() throws {
    let (first, second) = (try EngineHarness(Self.plain), try EngineHarness(Self.plain))
    let job = try start(first, Self.owned(Self.deaf))
    let next = try takeOver(first, job, by: second) { $0.stop(grace: 300) }
    #expect(try finish(next, of: second).result.killed && next.termAsked == 1)
    _ = try first.finish(job)
  }

  /// A stop that comes before its owner was asked again asks for it, unless it is a KILL.
  @Test(arguments: [UInt64(100), 0])
  func aStopAfterATakeoverAsksOnce(grace: UInt64) throws {
    let (first, second) = (try EngineHarness(Self.plain), try EngineHarness(Self.plain))
    let job = try start(first, Self.owned(Self.deaf))
    let next = try takeOver(first, job, by: second) { $0.stop(grace: 60_000) }
    next.running!.stop(grace: grace)
    #expect(next.termAsked == (grace > 0 ? 1 : 0))
    #expect(try finish(next, of: second).result.killed && next.termAsked == (grace > 0 ? 1 : 0))
    _ = try first.finish(job)
  }

  @Test func aSuccessorKnowsThatItWasKilled() throws {
    let (first, second) = (try EngineHarness(Self.plain), try EngineHarness(Self.plain))
    let job = try start(first, Self.owned(Self.deaf))
    let next = try takeOver(first, job, by: second) { $0.stop(grace: 0) }
    #expect(try finish(next, of: second).result.killed)
    _ = try first.finish(job)
  }
}
