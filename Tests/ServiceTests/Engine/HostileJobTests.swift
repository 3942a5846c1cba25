import CPlatform
import Glibc
import Harness
import JobAPI
import Testing

@testable import Platform

/// Jobs that would keep others from running.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct HostileJobTests {
  private static let cgroup = EngineTests.Kind(launchers: 2, usesCgroup: true)

  /// Moves itself out of its cgroup, so that this is empty when the job has ended, and leaves it as `act` has made it.
  private static func leaving(_ act: String, in parent: String) -> String {
    "own=\(parent)/$(basename $(sed -n 's/^0:://p' /proc/self/cgroup)); echo $$ >\(parent)/cgroup.procs; cd $own; \(act)"
  }

  @Test(arguments: ["echo 1 >cgroup.freeze", "echo 0 >cgroup.max.descendants", "mkdir -p a/b/c; mkdir a/d"])
  func aCgroupThatAJobChangedIsNotUsedAgain(act: String) throws {
    let harness = try EngineHarness(Self.cgroup)
    guard let parent = harness.cgroup else { return }
    let place = "basename $(sed -n 's/^0:://p' /proc/self/cgroup)"
    let first = try harness.run(place).stdout
    #expect(try harness.run(place).stdout == first, "a clean one is used again")
    #expect(try harness.run(Self.leaving(act, in: parent)).result.exit_code == 0)
    let second = try harness.run(place)
    #expect(second.result.exit_code == 0 && second.stdout != first)
    #expect(!Files.exists("\(parent)/\(first.dropLast())"), "it is removed with what is in it")
  }

  /// As one does whose job stopped in the midst of it: by a process of another job.
  @Test func aCgroupThatIsChangedWhileItIsFreeIsNotUsed() throws {
    let harness = try EngineHarness(Self.cgroup)
    guard let parent = harness.cgroup else { return }
    let first = try harness.run("basename $(sed -n 's/^0:://p' /proc/self/cgroup)").stdout.dropLast()
    try Files.write(Array("1".utf8), to: "\(parent)/\(first)/cgroup.freeze")
    #expect(try harness.run("exit 3").result.exit_code == 3)
    #expect(!Files.exists("\(parent)/\(first)"))
  }

  /// getxattr(2), which Swift is not shown.
  private static let getxattr = unsafeBitCast(
    dlsym(nil, "getxattr"),
    to: (@convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeMutableRawPointer, Int) -> Int)
      .self)

  @Test func aCgroupNamesItsJob() throws {
    let harness = try EngineHarness(Self.cgroup)
    guard let parent = harness.cgroup else { return }
    var label = ""
    let script = "basename $(sed -n 's/^0:://p' /proc/self/cgroup); echo $JOBD_JOB_ID; sleep 1000"
    let end = try harness.run(EngineHarness.shell(script)) { job, output in
      let lines = output.split(separator: "\n")
      guard lines.count == 2 else { return false }
      var value = [CChar](repeating: 0, count: 256)
      _ = Self.getxattr("\(parent)/\(lines[0])", "user.job_id", &value, value.count - 1)
      label = String(decoding: value.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      job.stop(grace: 0)
      return true
    }
    #expect(!label.isEmpty && end.stdout.split(separator: "\n").last.map(String.init) == label)
  }

  @Test func termReachesWhatAJobMovedBelowItsCgroup() throws {
    let harness = try EngineHarness(Self.cgroup)
    guard let parent = harness.cgroup else { return }
    let script = """
      own=\(parent)/$(basename $(sed -n 's/^0:://p' /proc/self/cgroup)); mkdir $own/below
      sh -c 'trap "echo told; exit 0" TERM; echo $$ >'$own'/below/cgroup.procs; echo ready; while :; do sleep 0.01; done' &
      trap 'wait; exit 9' TERM; wait
      """
    var launch = EngineHarness.shell(script)
    launch.grace = 60_000
    let end = try harness.run(launch) { job, output in
      guard output.contains("ready") else { return false }
      job.stop(grace: 60_000)
      return true
    }
    #expect(end.result.exit_code == 9 && end.stdout == "ready\ntold\n")
  }

  @Test func cgroupsOfAManyJobsAreNotKeptForEver() throws {
    let harness = try EngineHarness(Self.cgroup)
    guard let parent = harness.cgroup else { return }
    let pipe = try PipePair()
    let launches = (0..<200).map { _ in
      var launch = EngineHarness.launch(["cat"])
      launch.input = dup(pipe.read)
      return launch
    }
    let jobs = try launches.map { try harness.start($0) }
    try harness.run { jobs.allSatisfy(\.hasStarted) }
    func count() -> Int { Files.list(parent).count { $0.hasPrefix("job-") } }
    #expect(count() == 200)
    pipe.closeWrite()
    try harness.run { jobs.allSatisfy { $0.result != nil } }
    for job in jobs { _ = harness.end(of: job) }
    // As many as are in use, and 64.
    #expect(count() <= 65)
  }

  /// A program that somebody holds a lease on (fcntl(2), F_SETLEASE): whoever executes it waits until the lease is given back.
  private final class Lease {
    let path: String
    private var file: Int32
    init(_ path: String, _ scratch: Scratch) throws {
      self.path = path
      signal(SIGIO, SIG_IGN)
      try Programs.install("/bin/true", at: path, scratch)
      file = open(path, O_RDONLY | O_CLOEXEC)
      try #require(fcntl(file, 1024, F_WRLCK) == 0, "lease: \(SystemError.text(of: errno))")
    }
    func give() {
      close(file)
      file = -1
    }
    deinit { if file >= 0 { close(file) } }
  }

  @Test(arguments: EngineTests.Kind.all)
  func aLaunchThatWaitsKeepsNoOtherWaiting(kind: EngineTests.Kind) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let lease = try Lease(scratch.path + "/leased", scratch)
    let harness = try EngineHarness(kind)
    let stuck = try (0..<4).map { _ in try harness.start(EngineHarness.launch([lease.path])) }
    #expect(try harness.run("exit 3").result.exit_code == 3)
    try harness.run { stuck.allSatisfy(\.startWaited) }
    #expect(stuck.allSatisfy { $0.result == nil && !$0.hasStarted })
    // One is stopped, the others run once they can.
    stuck[0].running!.stop(grace: 0)
    try harness.run { stuck[0].result != nil }
    #expect(
      stuck[0].result!.error == ECANCELED && !stuck[0].result!.left && stuck[0].errorSubject == lease.path)
    lease.give()
    try harness.run { stuck.allSatisfy { $0.result != nil } }
    for job in stuck.dropFirst() { #expect(job.result!.error == 0 && job.result!.exit_code == 0) }
    for job in stuck { _ = harness.end(of: job) }
  }

  @Test(arguments: EngineTests.Kind.all)
  func aLaunchHasATimeLimit(kind: EngineTests.Kind) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let lease = try Lease(scratch.path + "/leased", scratch)
    let harness = try EngineHarness(kind, launchTime: 300)
    let end = try harness.run(EngineHarness.launch([lease.path]))
    #expect(end.result.error == ETIMEDOUT && !end.result.left && !end.started)
    #expect(end.result.error_stage.map { String(cString: $0) } == "start")
  }

  /// No signal reaches one that waits in the kernel: it is left, and looked for until it is gone.
  @Test(arguments: EngineTests.Kind.all)
  func aProgramOfAFileSystemThatHangsIsLeft(kind: EngineTests.Kind) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    guard let hanging = try HangingFileSystem(at: scratch.path + "/hanging") else { return }
    defer { hanging.abort() }
    let harness = try EngineHarness(kind)
    let job = try harness.start(EngineHarness.launch([hanging.path + "/program"]))
    try harness.run { job.startWaited }
    #expect(try harness.run("exit 3").result.exit_code == 3)
    job.running!.stop(grace: 0)
    try harness.run { job.result != nil }
    #expect(job.result!.error == ECANCELED && job.result!.left)
    let pid = job.result!.left_pid
    #expect(Processes.isAlive(pid) && !job.isGone)
    hanging.abort()
    try harness.run { job.isGone }
    #expect(kill(pid, 0) < 0 && errno == ESRCH, "it is reaped")
    _ = harness.end(of: job)
    #expect(try harness.run("exit 4").result.exit_code == 4)
  }

  @Test func pipesGrowWhileMuchIsWrittenAndShrinkAgain() throws {
    let harness = try EngineHarness(EngineTests.Kind(launchers: 2, usesCgroup: false))
    // Its pipe's size after a megabyte at once, and after a time of short lines.
    let script = """
      size() { perl -e 'printf STDERR "%d\\n", fcntl(STDOUT, 1032, 0)'; }
      head -c 8000000 /dev/zero; size; read x; for i in 1 2 3 4 5 6 7 8; do echo x; sleep 0.05; done; size
      """
    let pipe = try PipePair()
    let jobs = try (0..<20).map { _ in
      var launch = EngineHarness.shell(script)
      launch.input = dup(pipe.read)
      return try harness.start(launch)
    }
    try harness.run { jobs.allSatisfy { harness.errors(of: $0).hasSuffix("\n") } }
    pipe.closeWrite()
    try harness.run { jobs.allSatisfy { $0.result != nil } }
    let sizes = try jobs.map { job in
      try harness.errors(of: job).split(separator: "\n").map { try #require(Int($0)) }
    }
    for job in jobs { _ = harness.end(of: job) }
    #expect(sizes.contains { $0[0] == 1 << 20 })
    #expect(sizes.count { $0[0] == 1 << 20 } <= 16)
    #expect(sizes.allSatisfy { $0[1] == 64 << 10 })
  }
}

/// A pipe of a test's own.
private final class PipePair {
  let read: Int32
  private var write: Int32
  init() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (read, write) = (ends[0], ends[1])
  }
  func closeWrite() {
    close(write)
    write = -1
  }
  deinit {
    close(read)
    if write >= 0 { close(write) }
  }
}
