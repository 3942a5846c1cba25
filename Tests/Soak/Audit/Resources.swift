import Glibc
import Harness

/// What a process holds.
struct Resources {
  let pid: Int32
  let memory, descriptors, threads: Int

  init(_ pid: Int32) {
    self.pid = pid
    (memory, descriptors, threads) =
      (Processes.anonymous(pid), Processes.descriptors(pid), Processes.threads(pid))
  }

  var text: String { "\(memory / 1024) MiB, \(descriptors) descriptors, \(threads) threads" }
}

/// Memory, descriptors and threads of both processes over the run.
struct ResourceLog {
  private var samples: [(supervisor: Resources, api: Resources?)] = []

  /// Memory may grow by a tenth and this many KiB between the second quarter of a process's life and its last.
  private static let slack = 10 << 10

  /// Looks, and says what it sees.
  mutating func sample(_ supervisor: Int32, _ context: Context, at seconds: Double) {
    let seen = (
      supervisor: Resources(supervisor), api: DaemonProcesses.api(below: supervisor).map(Resources.init)
    )
    samples.append(seen)
    say(
      "\(Int(seconds)) s: \(context.counters.jobs) jobs; supervisor \(seen.supervisor.text); "
        + "api \(seen.api?.text ?? "starting")")
  }

  /// Whether the memory and the threads of the processes that run now stayed as they were.
  func judge(_ verdict: Verdict) {
    judge("the supervisor", samples.map(\.supervisor), verdict)
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

/// What both processes hold when nobody asks for anything, to compare with later.
struct IdleResources {
  private let supervisor, api: Resources

  init(_ daemon: Daemon) throws {
    var api: Int32?
    try Poll.until("an api process") {
      api = DaemonProcesses.api(below: daemon.pid)
      return api != nil
    }
    (supervisor, self.api) = (Resources(daemon.pid), Resources(api!))
  }

  /// Waits until no descriptor is open that was not open before.
  func mustBeReached(_ daemon: Daemon, _ verdict: Verdict) throws {
    var now = self
    do {
      try Poll.until("the descriptors to be closed") {
        now = try IdleResources(daemon)
        return now.supervisor.descriptors <= supervisor.descriptors && now.api.descriptors <= api.descriptors
      }
    } catch is Poll.TimeIsUp {
      verdict.violation("descriptors leak: idle before \(self.text); idle after \(now.text)")
      for pid in [now.supervisor.pid, now.api.pid] {
        say("open in \(pid): \(Processes.descriptorTargets(pid).joined(separator: " "))")
      }
    }
    say("idle before: \(text)\nidle after:  \(now.text)")
  }

  private var text: String { "supervisor \(supervisor.text); api \(api.text)" }
}
