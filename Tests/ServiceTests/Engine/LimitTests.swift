import CJobEngine
import Glibc
import Harness
import JobAPI
import Testing

@testable import JobEngine
@testable import JobModel
@testable import JobSupervisor
@testable import Platform

/// Limits of jobs, and what is told of their use. Where no cgroup has controllers, as on a host that has them with
/// cgroup v1, they are refused.
@Suite(.serialized) struct LimitTests {
  private static let mebibyte: UInt64 = 1 << 20
  private static let cgroup = EngineTests.Kind(launchers: 2, usesCgroup: true)

  private static func limited(
    _ script: String, memory: UInt64 = 0, cpu: UInt32 = 0, processes: UInt32 = 0
  ) -> EngineHarness.Launch {
    var launch = EngineHarness.shell(script)
    launch.limits = jc_limits(memory: memory, cpu_milli: cpu, processes: processes)
    return launch
  }

  /// Nil where it has not the controllers.
  private func harness() throws -> EngineHarness? {
    let harness = try EngineHarness(Self.cgroup)
    return harness.controllers == 7 ? harness : nil
  }

  @Test(arguments: EngineTests.Kind.all)
  func whatCannotBeEnforcedIsRefused(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    let limits = [
      (JC_LIMIT_MEMORY, Self.limited("true", memory: 64 * Self.mebibyte)),
      (JC_LIMIT_CPUS, Self.limited("true", cpu: 500)),
      (JC_LIMIT_PROCESSES, Self.limited("true", processes: 9)),
    ]
    for (bit, launch) in limits where harness.controllers & bit.rawValue == 0 {
      let error = #expect(throws: SystemError.self) { try harness.run(launch) }
      #expect(error?.code == ENOTSUP)
    }
    if !kind.usesCgroup { #expect(harness.controllers == 0) }
    #expect(try harness.run("exit 3").result.exit_code == 3)
  }

  @Test func whatIsMissingHasAReason() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    for name in ["cgroup.controllers", "cgroup.subtree_control", "cgroup.type", "cgroup.procs"] {
      try Files.write([], to: "\(scratch.path)/\(name)")
    }
    func lines() -> [String] {
      var configuration = Configuration(ConfigurationPlace(environment: [:], isRoot: true))
      configuration.cgroupParent = scratch.path
      return HostLimits.describe(configuration)
    }
    try Files.write(Array("cpuset cpu pids\n".utf8), to: "\(scratch.path)/cgroup.controllers")
    #expect(
      lines() == [
        "limit of memory: no: the controller memory is not among \(scratch.path)/cgroup.controllers",
        "limit of cpus: yes", "limit of processes: yes",
      ])
    try Files.write(Array("1234\n".utf8), to: "\(scratch.path)/cgroup.procs")
    try Files.write(Array("pids\n".utf8), to: "\(scratch.path)/cgroup.subtree_control")
    #expect(lines()[1].contains("cpus: no: there are processes in \(scratch.path)"))
    #expect(lines()[2] == "limit of processes: yes")
  }

  @Test(arguments: EngineTests.Kind.all)
  func whatAJobUsesIsToldWhileItRuns(kind: EngineTests.Kind) throws {
    let harness = try EngineHarness(kind)
    var used = jc_usage()
    let end = try harness.run(EngineHarness.shell("echo up; while :; do :; done")) { job, output in
      guard output == "up\n" else { return false }
      while used.user_us + used.system_us < 50_000 {
        usleep(1000)
        used = job.usage() ?? used
      }
      job.stop(grace: 0)
      return true
    }
    #expect(end.result.signal == SIGKILL && !end.result.oom_killed && end.result.throttled_us == 0)
    #expect(used.memory > 100_000 && used.memory < 100 * Self.mebibyte && used.peak_memory == 0)
    #expect(end.result.user_us + end.result.system_us >= 40_000)
  }

  @Test func aJobBeyondItsMemoryIsKilledWithAllOfIt() throws {
    guard let harness = try harness() else { return }
    let limit = 32 * Self.mebibyte
    let script = "sleep 1000 & echo $!; head -c 100000000 /dev/zero | tail; echo survived"
    let end = try harness.run(Self.limited(script, memory: limit))
    #expect(end.result.oom_killed && end.result.signal == SIGKILL && !end.stdout.contains("survived"))
    #expect(!EngineTests.isAlive(try #require(pid_t(end.stdout.filter(\.isNumber)))))
    let peak = end.result.max_rss_kib << 10
    #expect(peak > limit / 2 && peak <= limit)
    let fine = try harness.run(Self.limited("head -c 1000000 /dev/zero | tail -c 1", memory: limit)).result
    #expect(!fine.oom_killed && fine.exit_code == 0 && fine.max_rss_kib > 0)
    // What it takes before it has come to exec is no reason to end who launches it.
    var tiny = Self.limited("true", memory: 4096)
    tiny.request.args.append(contentsOf: (0..<20).map { _ in String(repeating: "x", count: 100_000) })
    let none = try harness.run(tiny).result
    #expect(none.error != 0 || none.oom_killed || none.signal != 0)
    #expect(Files.list("\(harness.cgroup!)-limited").filter { $0.hasPrefix("job-") } == [])
  }

  @Test func aJobHasItsShareOfACPU() throws {
    guard let harness = try harness() else { return }
    // So many that it would have more also of a machine that is busy.
    let busy = "for i in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait"
    let end = try harness.run(Self.limited("timeout 2 sh -c '\(busy)'", cpu: 250)).result
    let used = end.user_us + end.system_us
    #expect(used > 200_000 && used < 900_000, "a quarter of 2 s, of the whole tree, is \(used) us")
    #expect(end.throttled_us > 300_000 && !end.oom_killed)
  }

  @Test func aJobHasNoMoreProcesses() throws {
    guard let harness = try harness() else { return }
    let script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo all"
    let end = try harness.run(Self.limited(script, processes: 5))
    #expect(!end.stdout.contains("all") && end.result.exit_code != 0 && !end.result.oom_killed)
    #expect(try harness.run(Self.limited(script, processes: 20)).stdout == "all\n")
  }

  @Test func theUseOfAJobWithLimitsIsThatOfItsCgroup() throws {
    guard let harness = try harness() else { return }
    var used = jc_usage()
    let script = "x=$(head -c 8000000 /dev/zero | tr '\\0' x); echo up; sleep 1000"
    let end = try harness.run(Self.limited(script, memory: 256 * Self.mebibyte)) { job, output in
      guard output == "up\n" else { return false }
      used = job.usage() ?? used
      job.stop(grace: 0)
      return true
    }
    #expect(used.memory > 7_000_000 && used.peak_memory >= used.memory && used.user_us + used.system_us > 0)
    #expect(end.result.max_rss_kib << 10 >= used.peak_memory)
  }

  /// A successor finds the cgroup where it is.
  @Test func anEntryTellsWhichCgroupItIs() throws {
    guard let harness = try harness() else { return }
    for (launch, directory) in [
      (Self.limited("echo up; exec sleep 1000", processes: 9), "\(harness.cgroup!)-limited"),
      (EngineHarness.shell("echo up; exec sleep 1000"), harness.cgroup!),
    ] {
      var state = jc_job_state()
      _ = try harness.run(launch) { job, output in
        guard output == "up\n", let entry = try? job.makeEntry() else { return false }
        defer { close(entry) }
        #expect(jc_entry_read(entry, &state) == 0)
        jc_job_state_close(&state)
        let members = "\(directory)/job-\(state.cgroup)/cgroup.procs"
        #expect((try? SmallFile.read(members, most: 100)) == Array("\(job.pid)\n".utf8))
        job.stop(grace: 0)
        return true
      }
      #expect(state.is_limited == (directory != harness.cgroup))
    }
  }
}
