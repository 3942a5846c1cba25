import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The supervisor is killed before its first, second, ... call of one kind in each of its threads, as a power cut would
/// end it between two steps of a creation, an end or a deletion; started again it keeps what was answered.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct KilledAtEachStepTests {
  struct Steps: CustomStringConvertible {
    /// System calls, and of each so many of which one is taken.
    let calls: String
    let stride: Int
    var description: String { calls }
  }

  /// With JOBD_TEST_EVERY_STEP in the environment nothing is left out.
  private static let takesAll = getenv("JOBD_TEST_EVERY_STEP") != nil

  @Test(arguments: [
    Steps(calls: "fdatasync", stride: 1),
    Steps(calls: "fsync", stride: 1),
    Steps(calls: "pwrite64", stride: 19),
    Steps(calls: "unlinkat", stride: 2),
    Steps(calls: "sendto", stride: 5),
    Steps(calls: "clone3", stride: 1),
    Steps(calls: "write", stride: 7),
  ]) func whatWasAnsweredIsKept(steps: Steps) throws {
    try killAtEach(of: steps) { try isKilled(before: $0, $1, Ledger.self) }
  }

  @Test(arguments: [
    Steps(calls: "fdatasync", stride: 1),
    Steps(calls: "pwrite64", stride: 23),
    Steps(calls: "openat", stride: 7),
    Steps(calls: "unlinkat", stride: 1),
    Steps(calls: "sendto", stride: 5),
    Steps(calls: "clone3", stride: 1),
    Steps(calls: "write", stride: 9),
  ]) func whatWasAnsweredToRunRequestsIsTrue(steps: Steps) throws {
    try killAtEach(of: steps) { try isKilled(before: $0, $1, RunLedger.self) }
  }

  /// Nothing that was launched is lost with the api process: a result that it did not hand over is there.
  @Test(arguments: [
    Steps(calls: "recvfrom", stride: 7),
    Steps(calls: "sendto", stride: 3),
    Steps(calls: "write", stride: 3),
    Steps(calls: "openat", stride: 3),
  ]) func noResultIsLostWithTheApiProcess(steps: Steps) throws {
    try killAtEach(of: steps, isApiKilled)
  }

  private func killAtEach(of steps: Steps, _ isKilled: (String, Int) throws -> Bool) throws {
    var (step, kills) = (1, 0)
    while try isKilled(steps.calls, step) {
      kills += 1
      step += Self.takesAll ? 1 : steps.stride
      guard step < 500 else { return #expect(Bool(false), "\(steps.calls) never ends") }
    }
    #expect(kills > 0)
    print("killed at \(kills) calls of \(steps.calls), up to the \(step)th")
  }

  private func isApiKilled(before calls: String, _ step: Int) throws -> Bool {
    var wasKilled = false
    try Daemon.with { daemon in
      let (ledger, api) = (RunLedger(daemon), daemon.apiPid)
      let injection = try Injection("\(calls):signal=KILL:when=\(step)", into: api, daemon.scratch)
      if !ledger.work() {
        try Poll.until("the api process's end") { !Processes.isAlive(api) }
      }
      wasKilled = !Processes.isAlive(api)
      try injection.end()
      let client = daemon.client()
      try Poll.until("an api process") { (try? client.list()) != nil }
      try ledger.check(mayLose: false)
    }
    return wasKilled
  }

  /// False: the daemon made fewer such calls.
  private func isKilled(before calls: String, _ step: Int, _ kind: (some Promises).Type) throws -> Bool {
    var wasKilled = false
    try Daemon.with { daemon in
      let (ledger, supervisor) = (kind.init(daemon), daemon.pid)
      let injection = try Injection("\(calls):signal=KILL:when=\(step)", into: daemon.pid, daemon.scratch)
      // What is not answered is so because of the kill, which may take a moment.
      if !ledger.work() {
        try Poll.until("the supervisor's end") { !Processes.isAlive(supervisor) }
      }
      wasKilled = !Processes.isAlive(supervisor)
      try injection.end()
      // Whether the keeper starts the next one, or somebody does after the machine went down.
      if step % 2 == 0 || !wasKilled {
        daemon.kill()
        try daemon.start()
      }
      try ledger.check()
    }
    return wasKilled
  }
}
