import CJobEngine
import Glibc
import Testing

@testable import JobEngine

/// Signals of jobs whose first process is a sandbox, which they would end: they go to those inside.
@Suite(.enabled(if: geteuid() == 0)) struct SandboxTests {
  private static let listening = "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.01; done"

  private static func sandbox(_ script: String, _ options: [String] = []) -> EngineHarness.Launch {
    let mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    var launch = EngineHarness.launch(
      ["bwrap", "--unshare-all"] + options + mounts + ["--", "sh", "-c", script])
    launch.signals = JC_SIGNALS_INSIDE
    return launch
  }

  /// Calls `act` once the job has written `up`.
  private func run(
    _ kind: EngineTests.Kind, _ launch: EngineHarness.Launch, _ act: (RunningJob) -> Void
  ) throws -> EngineHarness.End {
    try EngineHarness(kind).run(launch) { job, output in
      guard output == "up\n" else { return false }
      act(job)
      return true
    }
  }

  @Test(arguments: EngineTests.Kind.all)
  func aStopIsHeardInside(kind: EngineTests.Kind) throws {
    let end = try run(kind, Self.sandbox(Self.listening)) { $0.stop(grace: 60_000) }
    #expect(end.result.exit_code == 5 && end.result.signal == 0 && !end.result.killed)
    #expect(end.stdout == "up\ntold\n")
    // With the way of all other jobs it ends the sandbox, and so what is inside, which has no time for its own end.
    var launch = Self.sandbox(Self.listening)
    launch.signals = JC_SIGNALS_TREE
    #expect(try run(kind, launch) { $0.stop(grace: 60_000) }.result.signal == SIGTERM)
  }

  @Test(arguments: EngineTests.Kind.all)
  func aTimeLimitIsHeardInside(kind: EngineTests.Kind) throws {
    var launch = Self.sandbox(Self.listening)
    // Long enough for the trap to be set before.
    (launch.timeout, launch.grace) = (2000, 60_000)
    let end = try EngineHarness(kind).run(launch)
    #expect(end.result.exit_code == 5 && end.result.timed_out && !end.result.killed)
    #expect(end.stdout == "up\ntold\n")
  }

  @Test(arguments: EngineTests.Kind.all)
  func aSignalReachesThoseInside(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let job = try harness.start(Self.sandbox("trap 'echo got' USR1; " + Self.listening))
    try harness.run { harness.output(of: job) == "up\n" }
    let running = job.running!
    #expect(running.signal(SIGUSR1, tree: false) == 0)
    try harness.run { harness.output(of: job) == "up\ngot\n" }
    #expect(running.signal(SIGUSR1, tree: true) == 0)
    try harness.run { harness.output(of: job) == "up\ngot\ngot\n" }
    // One that is stopped goes on to hear of it.
    #expect(running.signal(SIGSTOP, tree: false) == 0)
    running.stop(grace: 60_000)
    let end = try harness.finish(job)
    #expect(end.result.exit_code == 5 && end.stdout == "up\ngot\ngot\ntold\n")
  }

  @Test(arguments: EngineTests.Kind.all)
  func killEndsAllOfItOrThoseInside(kind: EngineTests.Kind) throws {
    let launch = Self.sandbox("trap '' TERM; echo up; while :; do sleep 0.01; done")
    // The sandbox tells how those ended that it was made for.
    let inside = try run(kind, launch) { #expect($0.signal(SIGKILL, tree: false) == 0) }.result
    #expect(inside.exit_code == 128 + SIGKILL && inside.signal == 0 && !inside.killed)
    let all = try run(kind, launch) { #expect($0.signal(SIGKILL, tree: true) == 0) }.result
    #expect(all.signal == SIGKILL && !all.killed)
    let stopped = try run(kind, launch) { $0.stop(grace: 100) }.result
    #expect(stopped.signal == SIGKILL && stopped.killed)
  }

  /// A sandbox that is being set up has its first process in the namespace, which takes no TERM.
  @Test(arguments: EngineTests.Kind.all)
  func whereNobodyInsideTakesItTheSandboxDoes(kind: EngineTests.Kind) throws {
    let first = Self.sandbox("echo up; exec sleep 1000", ["--as-pid-1"])
    let end = try run(kind, first) { $0.stop(grace: 600_000) }
    #expect(end.result.signal == SIGTERM && !end.result.killed)
    let handling = Self.sandbox(Self.listening, ["--as-pid-1"])
    #expect(try run(kind, handling) { $0.stop(grace: 60_000) }.result.exit_code == 5)
    var none = EngineHarness.shell(Self.listening)
    none.signals = JC_SIGNALS_INSIDE
    #expect(try run(kind, none) { $0.stop(grace: 60_000) }.result.exit_code == 5)
  }
}
