import CPlatform
import Glibc
import JobAPI
import Testing

@testable import Platform

/// The hazards of starting and ending processes, each with a test of its name; with cgroups and without, launched by
/// the loop's thread and by launcher threads.
struct EngineTests {
  struct Kind: CustomTestStringConvertible {
    let launchers: UInt32
    let usesCgroup: Bool
    var testDescription: String { "\(launchers) launchers, \(usesCgroup ? "cgroup" : "process group")" }
    static let all = [
      Kind(launchers: 0, usesCgroup: true), Kind(launchers: 2, usesCgroup: true),
      Kind(launchers: 0, usesCgroup: false),
      Kind(launchers: 2, usesCgroup: false),
    ]
  }

  @Test(arguments: Kind.all)
  func inheritsNoDescriptorButThree(kind: Kind) throws {
    // One that the host program opened without close-on-exec.
    let stray = open("/dev/null", O_RDONLY)
    defer { close(stray) }
    let end = try EngineHarness(kind).run("ls /proc/$$/fd; exit 0")
    #expect(end.stdout == "0\n1\n2\n")
  }

  @Test(arguments: Kind.all)
  func signalsAreAsAfterABoot(kind: Kind) throws {
    let end = try EngineHarness(kind).run("cat /proc/self/status | grep -E '^Sig(Blk|Ign|Cgt)'")
    #expect(end.stdout == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n")
  }

  @Test(arguments: Kind.all)
  func aJobIsASessionOfItsOwn(kind: Kind) throws {
    let end = try EngineHarness(kind).run("cut -d' ' -f1,5,6 /proc/$$/stat; pwd; cat")
    let parts = end.stdout.split(separator: "\n")
    #expect(Set(parts[0].split(separator: " ")).count == 1, "pid, process group and session are one")
    #expect(parts[1] == "/")
  }

  @Test(arguments: Kind.all)
  func whatTheFirstProcessLeavesBehindIsKilled(kind: Kind) throws {
    let script = """
      f=$(mktemp -u); mkfifo $f
      setsid sh -c "trap '' TERM HUP; echo \\$\\$; echo >$f; sleep 1000" & read x <$f; rm $f; exit 7
      """
    let end = try EngineHarness(kind).run(script)
    #expect(end.result.exit_code == 7)
    #expect(!end.result.forced_eof)
    let pid = try #require(pid_t(end.stdout.filter { $0 != "\n" }))
    #expect(!Self.isAlive(pid))
  }

  @Test(arguments: Kind.all)
  func aJobThatBlocksEverySignalIsKilledAfterTheGrace(kind: Kind) throws {
    var launch = EngineHarness.shell("trap '' TERM INT HUP QUIT; echo ready; while :; do sleep 1; done")
    // Long enough for the trap to be set before.
    launch.timeout = 2000
    launch.grace = 200
    let end = try EngineHarness(kind).run(launch)
    #expect(end.result.signal == SIGKILL)
    #expect(end.result.exit_code == 128 + SIGKILL)
    #expect(end.result.timed_out)
    // Neither was cut short; both clocks count in whole milliseconds.
    #expect(end.result.finished_us - end.result.started_us >= 2_198_000)
  }

  @Test(arguments: Kind.all)
  func aJobAfterAKilledOneIsNotKilledToo(kind: Kind) throws {
    let harness = try EngineHarness(kind)
    var launch = EngineHarness.shell("trap '' TERM; sleep 1000")
    (launch.timeout, launch.grace) = (50, 0)
    #expect(try harness.run(launch).result.signal == SIGKILL)
    #expect(try harness.run("echo fine; exit 4").result.exit_code == 4)
  }

  @Test(arguments: Kind.all)
  func whatCannotBeExecutedTellsItsErrno(kind: Kind) throws {
    let harness = try EngineHarness(kind)
    for (command, code) in [
      ("/nonexistent", ENOENT), ("nosuch", ENOENT), ("/etc/passwd", EACCES), ("/tmp", EACCES),
    ] {
      let end = try harness.run(EngineHarness.launch([command]))
      #expect(end.result.error == code)
      #expect(end.result.error_stage.map { String(cString: $0) } == "exec")
      #expect(end.errorSubject == command && end.started == false)
    }
    var launch = EngineHarness.shell("true")
    launch.request.cwd = "/nonexistent"
    let end = try harness.run(launch)
    #expect(end.result.error_stage.map { String(cString: $0) } == "chdir")
    #expect(end.errorSubject == "/nonexistent")
    #expect(try harness.run("exit 3").errorSubject == nil)
  }

  /// The kernel counts to a process the memory that it shared until exec: what is less than this is not told.
  @Test(arguments: Kind.all)
  func thePeakOfMemoryIsTheJobsOwn(kind: Kind) throws {
    let harness = try EngineHarness(kind)
    #expect(try harness.run("true").result.max_rss_kib == 0)
    var own = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &own)
    let more = own.ru_maxrss + (64 << 10)
    let large = try harness.run("dd if=/dev/zero of=/dev/null bs=\(more)K count=1 2>/dev/null").result
      .max_rss_kib
    #expect(large >= more && large < more + (32 << 10))
  }

  @Test(arguments: Kind.all)
  func outputIsByteExactAndUnreadOutputBlocksNothing(kind: Kind) throws {
    let end = try EngineHarness(kind).run(
      "head -c 20000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2")
    #expect(end.result.bytes.0 == 20_000_000)
    #expect(end.result.bytes.1 == 300_000)
    #expect(end.stdoutSize == 20_000_000)
    #expect(end.told == [20_000_000, 300_000])
  }

  @Test(arguments: Kind.all)
  func limitsTruncateOrKill(kind: Kind) throws {
    var launch = EngineHarness.shell("head -c 100000 /dev/zero; echo end >&2; sleep 0")
    launch.request.outputLimit = 1000
    let truncated = try EngineHarness(kind).run(launch)
    #expect(truncated.result.bytes.0 == 1000)
    #expect(truncated.result.dropped.0 == 99_000)
    #expect(truncated.result.exit_code == 0)
    launch = EngineHarness.shell("cat /dev/zero")
    launch.request.outputLimit = 1000
    launch.request.onLimit = .kill
    let killed = try EngineHarness(kind).run(launch)
    #expect(killed.result.limit_killed)
    #expect(killed.result.signal == SIGKILL)
    #expect(killed.stdoutSize == 1000)
  }

  @Test(arguments: Kind.all)
  func bothStreamsCanBeOne(kind: Kind) throws {
    var launch = EngineHarness.shell("for i in 1 2 3 4 5; do echo out; echo err >&2; done")
    launch.request.merge = true
    let end = try EngineHarness(kind).run(launch)
    #expect(end.stdout == String(repeating: "out\nerr\n", count: 5))
    #expect(end.result.bytes.1 == 0)
  }

  @Test(arguments: Kind.all)
  func standardInputIsFedAndClosed(kind: Kind) throws {
    let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var launch = EngineHarness.shell("cat")
    launch.request.stdinOpen = true
    let end = try EngineHarness(kind).run(launch, input: bytes)
    #expect(end.output == bytes)
    let file = bytes.withUnsafeBytes { jp_memory_file("test", $0.baseAddress, $0.count) }
    launch.input = file
    #expect(try EngineHarness(kind).run(launch).output == bytes)
  }

  @Test(arguments: Kind.all)
  func manyJobsAtOnceAreAllTold(kind: Kind) throws {
    let harness = try EngineHarness(kind)
    let ends = try harness.runAll((0..<100).map { EngineHarness.shell("exit \($0)") })
    #expect(ends.map { Int($0.result.exit_code) } == Array(0..<100))
  }

  @Test(arguments: Kind.all)
  func aSignalReachesTheFirstProcessOrTheTree(kind: Kind) throws {
    let harness = try EngineHarness(kind)
    let script =
      "trap 'echo first' USR1; sh -c \"trap 'echo second; exit' USR1; echo up; while :; do sleep 0.01; done\" & wait; wait; exit 0"
    let end = try harness.run(EngineHarness.shell(script)) { job, output in
      if output.contains("up") { #expect(job.signal(SIGUSR1, tree: true) == 0) }
      return output.contains("up")
    }
    #expect(end.stdout.contains("first"))
    #expect(end.stdout.contains("second"))
  }

  /// A zombie, whose parent has not looked yet, is not alive.
  static func isAlive(_ pid: pid_t) -> Bool {
    let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let text = String(decoding: SmallFile.read(file, most: 4096), as: UTF8.self)
    return !(text.split(separator: ")").last ?? "").hasPrefix(" Z")
  }

  /// Its candidates would take a gigabyte.
  @Test func aPathThatIsTooLongIsRefused() throws {
    let harness = try EngineHarness(Kind(launchers: 2, usesCgroup: false))
    var launch = EngineHarness.launch([String(repeating: "a", count: 2000)])
    launch.request.env = ["PATH": String(repeating: ":", count: 500_000)]
    let error = #expect(throws: SystemError.self) { try harness.run(launch) }
    #expect(error?.code == E2BIG)
  }
}
