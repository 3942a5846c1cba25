import Glibc
import Harness

/// What a process holds. Memory in KiB: of its own, and all that is resident.
struct Resources {
  let pid: Int32
  let memory, resident, descriptors, threads: Int

  init(_ pid: Int32) {
    self.pid = pid
    (memory, resident) = (Processes.anonymous(pid), Processes.resident(pid))
    (descriptors, threads) = (Processes.descriptors(pid), Processes.threads(pid))
  }

  var text: String { "\(memory) KiB (RSS \(resident)), \(descriptors) descriptors, \(threads) threads" }
}

/// The daemon's processes at one moment; nil: there is none just now.
struct DaemonResources {
  let keeper: Resources
  let supervisor, api: Resources?

  init(_ daemon: Daemon) {
    let pid = daemon.pid
    keeper = Resources(daemon.keeperPid)
    supervisor = pid > 0 ? Resources(pid) : nil
    api = DaemonProcesses.api(below: pid).map(Resources.init)
  }

  var all: [(name: String, of: Resources?)] {
    [("keeper", keeper), ("supervisor", supervisor), ("api", api)]
  }
  var text: String { all.map { "\($0.name) \($0.of?.text ?? "starting")" }.joined(separator: "; ") }
}

/// Memory, descriptors and threads of the processes over the run.
struct ResourceLog {
  private var samples: [DaemonResources] = []

  /// Memory may grow by a tenth and this many KiB between the second quarter of a process's life and its last.
  private static let slack = 10 << 10

  /// Looks, and says what it sees.
  mutating func sample(_ daemon: Daemon, _ context: Context, at seconds: Double) {
    let seen = DaemonResources(daemon)
    samples.append(seen)
    say("\(Int(seconds)) s: \(context.counters.jobs) jobs; \(seen.text)")
  }

  /// Whether the memory and the threads of the processes that run now stayed as they were.
  func judge(_ verdict: Verdict) {
    judge("the keeper", samples.map(\.keeper), verdict)
    judge("the supervisor", samples.compactMap(\.supervisor), verdict)
    judge("the api process", samples.compactMap(\.api), verdict)
  }

  private func judge(_ name: String, _ all: [Resources], _ verdict: Verdict) {
    let own = all.filter { $0.pid == all.last?.pid }
    guard own.count >= 8 else { return }
    func mean(_ part: ArraySlice<Resources>) -> Int { part.reduce(0) { $0 + $1.memory } / part.count }
    let (before, after) = (mean(own[(own.count / 4)..<(own.count / 2)]), mean(own[(own.count * 3 / 4)...]))
    if after > before + before / 10 + Self.slack {
      verdict.violation("\(name)'s memory grew from \(before / 1024) MiB to \(after / 1024) MiB")
    }
    let threads = own.map(\.threads)
    if threads[(own.count / 2)...].max()! > threads[..<(own.count / 2)].max()! {
      verdict.violation("\(name)'s threads grew: \(threads)")
    }
  }
}

/// What the processes hold when nobody asks for anything, to compare with later.
struct IdleResources {
  private let seen: DaemonResources
  /// Children of the keeper and the supervisor, zombies too, but for each other.
  private let strangers: [Int32]

  init(_ daemon: Daemon) throws {
    var seen = DaemonResources(daemon)
    try Poll.until("an api process") {
      seen = DaemonResources(daemon)
      return seen.api != nil
    }
    self.seen = seen
    strangers = (Processes.children(daemon.keeperPid) + Processes.children(seen.supervisor!.pid))
      .filter { ![seen.supervisor!.pid, seen.api!.pid].contains($0) }
  }

  /// Waits until no descriptor is open that was not open before, and nothing but the daemon's processes is there.
  func mustBeReached(_ daemon: Daemon, _ verdict: Verdict) throws {
    var now = self
    do {
      try Poll.until("the descriptors to be closed") {
        now = try IdleResources(daemon)
        return now.holdsNoMore(than: self)
      }
    } catch is Poll.TimeIsUp {
      verdict.violation("leaks: idle before \(seen.text); after \(now.seen.text), children \(now.strangers)")
      for process in now.seen.all.compactMap(\.of) {
        say("open in \(process.pid): \(Processes.descriptorTargets(process.pid).joined(separator: " "))")
      }
    }
    say("idle before: \(seen.text)\nidle after:  \(now.seen.text)")
  }

  private func holdsNoMore(than before: IdleResources) -> Bool {
    strangers.isEmpty
      && zip(seen.all, before.seen.all).allSatisfy { now, before in
        now.of!.descriptors <= before.of!.descriptors && now.of!.threads <= before.of!.threads
      }
  }
}
