import Glibc
import Harness

/// Disturbs the daemon. The main thread's.
final class Disturber {
  private let daemon: Daemon
  private let options: [String]
  private let context: Context
  private let prober: Prober
  private var random: SplitMix
  private(set) var done: [Disturbance: Int] = [:]
  private let goodBinary: [UInt8]
  private var isGood = true

  init(_ daemon: Daemon, _ options: [String], _ context: Context, _ prober: Prober, seed: UInt64) {
    (self.daemon, self.options, self.context, self.prober) = (daemon, options, context, prober)
    random = SplitMix(seed: seed)
    goodBinary = Files.read(daemon.program)
  }

  func disturb(_ kind: Disturbance) throws {
    prober.expect(kind)
    switch kind {
    case .apiKill: killApi()
    case .reload: try signal(SIGHUP, "reloaded")
    case .upgrade: try upgrade()
    case .badUpgrade: try upgradeBadly()
    case .supervisorKill: try killSupervisor()
    }
    done[kind, default: 0] += 1
  }

  private func killApi() {
    guard let pid = DaemonProcesses.api(below: daemon.pid) else { return }
    kill(pid, SIGKILL)
  }

  /// Sends a signal and waits for what the log says of its outcome.
  private func signal(_ number: Int32, _ outcome: String, beside: () -> Void = {}) throws {
    let before = count(outcome)
    daemon.signal(number)
    beside()
    try Poll.until("\"\(outcome)\" in the log") {
      guard !daemon.hasEnded else { throw Violation("the supervisor ended by itself") }
      return count(outcome) > before
    }
  }

  private func count(_ event: String) -> Int {
    daemon.log.split(separator: "\n").count { $0.contains("event=\(event)") }
  }

  /// Now and then the api process is killed meanwhile.
  private func upgrade() throws {
    try install(goodBinary)
    let kills = Int.random(in: 0..<4, using: &random) == 0
    let pause = UInt32.random(in: 0..<50_000, using: &random)
    try signal(SIGUSR2, "upgraded") {
      guard kills else { return }
      usleep(pause)
      killApi()
    }
  }

  private func upgradeBadly() throws {
    let bad = ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -SEGV $$\n", "not a program at all\n", ""]
    try install(Array(bad.randomElement(using: &random)!.utf8))
    try signal(SIGUSR2, "upgrade_failed")
    try install(goodBinary)
  }

  /// In place of the daemon's program, as a package manager does it.
  private func install(_ bytes: [UInt8]) throws {
    let fresh = daemon.program + ".new"
    try Files.write(bytes, to: fresh, mode: 0o755)
    guard rename(fresh, daemon.program) == 0 else {
      throw Violation("cannot put \(daemon.program) in place: errno \(errno)")
    }
  }

  /// After the restart nothing may be left of the jobs that ran.
  private func killSupervisor() throws {
    let port = daemon.port
    context.crash { daemon.kill() }
    let left = Set(DaemonProcesses.ofJobs(context.mark))
    usleep(UInt32.random(in: 0..<300_000, using: &random))
    try daemon.start(options, port: port)
    for pid in left where Processes.isAlive(pid) && DaemonProcesses.isOfJob(pid, context.mark) {
      context.verdict.violation("process \(pid) of a job is left after the supervisor was killed and started")
    }
  }
}

/// Finds the processes of one daemon.
enum DaemonProcesses {
  /// The api process; the younger of two.
  static func api(below supervisor: Int32) -> Int32? {
    Processes.children(supervisor).filter(Processes.isApi).max()
  }

  /// All processes that carry the mark of the run's jobs.
  static func ofJobs(_ mark: (name: String, value: String)) -> [Int32] {
    Files.list("/proc").compactMap { Int32($0) }.filter { isOfJob($0, mark) }
  }

  static func isOfJob(_ pid: Int32, _ mark: (name: String, value: String)) -> Bool {
    Files.text("/proc/\(pid)/environ").split(separator: "\0").contains("\(mark.name)=\(mark.value)")
  }
}
