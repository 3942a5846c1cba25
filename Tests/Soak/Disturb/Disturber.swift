import Glibc
import Harness

/// Disturbs the daemon. The main thread's.
final class Disturber {
  private let daemon: Daemon
  private let context: Context
  private let prober: Prober
  private var random: SplitMix
  private(set) var done: [Disturbance: Int] = [:]
  private let binaries: Binaries

  /// Seconds in which what was taken away must be replaced, a slow machine allowed for.
  private static let patience = 20.0

  init(_ daemon: Daemon, _ context: Context, _ prober: Prober, seed: UInt64) {
    (self.daemon, self.context, self.prober) = (daemon, context, prober)
    random = SplitMix(seed: seed)
    binaries = Binaries(daemon)
  }

  func disturb(_ kind: Disturbance) throws {
    prober.expect(kind)
    switch kind {
    case .apiKill: killApi()
    case .reload: try reload()
    case .upgrade: try context.supervisorIsReplaced(upgrade)
    case .badUpgrade: try context.supervisorIsReplaced(upgradeBadly)
    case .upgradeKill: try context.supervisorIsReplaced(killDuringUpgrade)
    case .supervisorKill: try takeSupervisor(by: SIGKILL)
    case .supervisorStop: try takeSupervisor(by: SIGSTOP)
    case .apiStop: try stopApi()
    }
    done[kind, default: 0] += 1
  }

  private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private func killApi() {
    guard let pid = DaemonProcesses.api(below: daemon.pid) else { return }
    kill(pid, SIGKILL)
  }

  /// It hangs: it is killed, and another serves.
  private func stopApi() throws {
    var pid: Int32 = 0
    try Poll.until("an api process") {
      pid = DaemonProcesses.api(below: daemon.pid) ?? 0
      return pid > 0
    }
    let before = count("api_started")
    kill(pid, SIGSTOP)
    try until("another api process", seconds: Self.patience) {
      count("api_started") > before && !Processes.isAlive(pid)
    }
  }

  /// The keeper starts another supervisor, which goes on with the jobs. Now and then that one is killed before it has
  /// come to an end with what it found.
  private func takeSupervisor(by number: Int32) throws {
    try context.supervisorDies {
      try endSupervisor(by: number)
      guard number == SIGKILL, chance(25) else { return }
      usleep(UInt32.random(in: 0..<60_000, using: &random))
      try endSupervisor(by: number)
    }
    try until("another supervisor to serve", seconds: Self.patience) { isServing }
  }

  /// Whether the supervisor that lives has begun to.
  private var isServing: Bool {
    let lines = daemon.log.split(separator: "\n")
    guard let start = lines.lastIndex(where: { $0.contains("event=starting") }) else { return false }
    return lines[start].contains(" pid=\(daemon.pid) ")
      && lines[start...].contains { $0.contains("event=listening") }
  }

  private func endSupervisor(by number: Int32) throws {
    var pid: Int32 = 0
    try until("a supervisor") {
      pid = daemon.pid
      return pid > 0
    }
    kill(pid, number)
    try until("the supervisor's end", seconds: Self.patience) { daemon.pid != pid }
  }

  private func until(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool) throws {
    try Poll.until(what, seconds: seconds) {
      guard !daemon.hasEnded else { throw Violation("the daemon ended by itself") }
      return try condition()
    }
  }

  private func count(_ event: String) -> Int {
    daemon.log.split(separator: "\n").count { $0.contains("event=\(event)") }
  }

  private func reload() throws {
    if chance(50) {
      let done = try daemon.startControl("reload").wait()
      guard done.status == 0 else {
        throw Violation("jobd reload has status \(done.status): \(done.errorText)")
      }
    } else {
      try awaitLog("reloaded", after: SIGHUP)
    }
  }

  /// Sends a signal and waits for what the log says of its outcome.
  private func awaitLog(_ outcome: String, after number: Int32, beside: () -> Void = {}) throws {
    let before = count(outcome)
    daemon.signal(number)
    beside()
    try until("\"\(outcome)\" in the log") { count(outcome) > before }
  }

  /// Now and then the api process is killed meanwhile.
  private func upgrade() throws {
    try binaries.install(replacesKeeper: chance(50))
    let pause: UInt32? = chance(25) ? UInt32.random(in: 0..<50_000, using: &random) : nil
    let beside = {
      guard let pause else { return }
      usleep(pause)
      self.killApi()
    }
    guard chance(50) else { return try awaitLog("upgraded", after: SIGUSR2, beside: beside) }
    let before = count("upgraded")
    let asker = try daemon.startControl("upgrade")
    beside()
    let done = try asker.wait()
    guard done.status == 0, done.text.hasPrefix("version "), done.text.hasSuffix(" serves\n") else {
      throw Violation("jobd upgrade has status \(done.status): \(done.text)\(done.errorText)")
    }
    guard count("upgraded") > before else { throw Violation("jobd upgrade succeeded, and no upgrade was") }
  }

  /// Whichever binary serves then, its jobs go on. Who asked is told what came of it.
  private func killDuringUpgrade() throws {
    try binaries.install(replacesKeeper: chance(50))
    let asker = try daemon.startControl("upgrade")
    usleep(UInt32.random(in: 0..<150_000, using: &random))
    try context.supervisorDies { try endSupervisor(by: SIGKILL) }
    let done = try asker.wait()
    guard done.status == 0 || done.status == 1 && !done.errorText.isEmpty else {
      throw Violation("jobd upgrade, killed in it, has status \(done.status): \(done.errorText)")
    }
    try until("another supervisor to serve", seconds: Self.patience) { isServing }
  }

  /// The one that runs goes on, or is started again.
  private func upgradeBadly() throws {
    try binaries.install(Binaries.bad.randomElement(using: &random)!)
    if chance(50) {
      try awaitLog("upgrade_failed", after: SIGUSR2)
    } else {
      let done = try daemon.startControl("upgrade").wait()
      guard done.status == 1, done.text.isEmpty, !done.errorText.isEmpty else {
        throw Violation("a bad jobd upgrade has status \(done.status): \(done.text)\(done.errorText)")
      }
    }
    try binaries.install(replacesKeeper: false)
  }
}

/// The files of the daemon's programs, as they come and go.
struct Binaries {
  private let program: String
  private let scratch: Scratch

  /// Those that do not start, and those that pass the trial and end later.
  static let bad = [
    "#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -SEGV $$\n", "not a program at all\n", "",
    "#!/bin/sh\nexit 0\n",
  ]

  init(_ daemon: Daemon) { (program, scratch) = (daemon.program, daemon.scratch) }

  func install(replacesKeeper: Bool) throws {
    try Programs.install(Programs.jobd, at: program, scratch)
    if replacesKeeper { try Programs.install(Programs.keeper, at: "\(program)-keeper", scratch) }
  }

  func install(_ text: String) throws { try Programs.install(script: text, at: program, scratch) }
}

/// Finds the processes of one daemon.
enum DaemonProcesses {
  /// The api process; the younger of two.
  static func api(below supervisor: Int32) -> Int32? {
    Processes.children(supervisor).filter(Processes.isApi).max()
  }

  /// All processes that carry the mark of the run's jobs.
  static func ofJobs(_ mark: (name: String, value: String)) -> [Int32] { with("\(mark.name)=\(mark.value)") }

  /// Those of one job.
  static func of(_ job: String) -> [Int32] { with("JOBD_JOB_ID=\(job)") }

  private static func with(_ entry: String) -> [Int32] {
    Files.list("/proc").compactMap { Int32($0) }.filter { pid in
      Files.text("/proc/\(pid)/environ").split(separator: "\0").contains { $0 == entry }
    }
  }
}
