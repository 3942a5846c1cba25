import Glibc
import Harness
import JobAPI
import JobClient
import Synchronization

/// One run: a daemon, its clients, what disturbs it, and the audit.
final class Run {
  private let options: Options
  private let daemon: Daemon
  private let context: Context
  private let prober: Prober
  private let idle: IdleResources
  /// The directory of the jobs' cgroups, where there are any.
  private let cgroup: String?
  private let names: [String]
  private var resources = ResourceLog()
  private let begin = Poll.now()

  /// Nothing is to be refused for a limit, and what is kept up to a bound is to reach that soon.
  private static let daemonOptions = ["--client-create-rate", "1000000", "--session-cache", "200"]

  init(_ options: Options) throws {
    self.options = options
    daemon = try Daemon(Self.daemonOptions, copiesBinary: true, port: try FreePort.find())
    names = (0..<max(1, options.clients / 4)).map { "soak\($0)" }
    for name in names + [Prober.client] { try daemon.pki.add(client: name) }
    context = try Context(daemon)
    let client = JobClient(context.settings(Prober.client))
    cgroup = try WarmUp.run(client, jobs: options.clients * 20 + 50)
    idle = try IdleResources(daemon)
    let (job, status) = try client.run("/bin/sh", "-c", "exit 7")
    client.disconnect()
    prober = Prober(context, job, status)
  }

  /// The exit status.
  func run() throws -> Int32 {
    let (ledgers, witnesses) = try load()
    do {
      if !context.verdict.isBad { try Audit(context, daemon, ledgers).run(witnesses) }
      resources.judge(context.verdict)
      try idle.mustBeReached(daemon, context.verdict)
      let end = try daemon.stop()
      if end.status != 0 { context.verdict.violation("the daemon ended with status \(end.status)") }
      if let cgroup, access(cgroup, F_OK) == 0 { context.verdict.violation("\(cgroup) is left") }
    } catch {
      context.verdict.violation("\(error)")
    }
    return finish()
  }

  /// Puts the daemon under load, and disturbs it, until both have lasted.
  private func load() throws -> ([Ledger], [EventWitness]) {
    let (context, prober, seed) = (context, prober, options.seed)
    let ledgers = (0..<options.clients).map { Ledger(thread: $0, client: names[$0 % names.count]) }
    let witnesses = names.map { EventWitness(context, $0) }
    var threads = ledgers.map { ledger in Thread { LoadClient(context, ledger, seed: seed).work() } }
    threads += witnesses.map { witness in Thread { witness.run() } }
    threads.append(Thread { prober.run() })
    do {
      try disturb()
    } catch {
      context.verdict.violation("\(error)")
    }
    context.stop()
    for thread in threads { thread.join() }
    return (ledgers, witnesses)
  }

  private func disturb() throws {
    var random = SplitMix(seed: options.seed)
    let disturber = Disturber(daemon, Self.daemonOptions, context, prober, seed: random.next())
    var left = Disturbance.all(options.counts, using: &random)
    var nextSample = begin + options.sampleEvery
    while !context.mustStop, !left.isEmpty || Poll.now() < begin + options.seconds {
      guard Poll.now() < begin + options.mostSeconds else { throw Violation("the run takes too long") }
      guard !daemon.hasEnded else { throw Violation("the supervisor ended by itself") }
      let pause = left.isEmpty ? 100_000 : UInt32.random(in: 0...UInt32(options.pause * 1000), using: &random)
      usleep(pause)
      if Poll.now() >= nextSample {
        resources.sample(daemon.pid, context, at: Poll.now() - begin)
        nextSample += options.sampleEvery
      }
      if let next = left.popLast() { try disturber.disturb(next) }
    }
    for (kind, count) in disturber.done.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      say("disturbed by \(kind.rawValue): \(count) times")
    }
  }

  private func finish() -> Int32 {
    for line in prober.report { say(line) }
    let counts = Counters.Kind.allCases.map { "\($0.rawValue) \(context.counters[$0])" }
    say("\(counts.joined(separator: ", "))")
    let violations = context.verdict.violations
    say("\(Int(Poll.now() - begin)) s, seed \(options.seed): \(violations) violations")
    guard violations > 0 else {
      daemon.scratch.remove()
      return 0
    }
    daemon.end()
    say(
      "the end of the daemon's log:\n\(daemon.log.split(separator: "\n").suffix(40).joined(separator: "\n"))")
    say("kept for a look: \(daemon.scratch.path)")
    return 1
  }
}

/// A port that a daemon can be started at again and again.
enum FreePort {
  /// Below those that the system gives to connections: one of those may be taken while the daemon is away.
  static func find() throws -> Int {
    for _ in 0..<100 {
      let port = Int.random(in: 12_000..<32_000)
      if isFree(UInt16(port)) { return port }
    }
    throw Violation("no port is free")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
