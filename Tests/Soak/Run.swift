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

  init(_ options: Options) throws {
    self.options = options
    daemon = try Daemon(options.daemon, copiesBinary: true)
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
      if !context.verdict.isBad { try Audit(context, ledgers, slots: options.slots).run(witnesses) }
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
    threads.append(Thread { prober.run(afresh: false) })
    threads.append(Thread { prober.run(afresh: true) })
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
    let disturber = Disturber(daemon, context, prober, seed: random.next())
    var left = Disturbance.all(options.counts, using: &random)
    var nextSample = begin + options.sampleEvery
    while !context.mustStop, !left.isEmpty || Poll.now() < begin + options.seconds {
      guard Poll.now() < begin + options.mostSeconds else { throw Violation("the run takes too long") }
      guard !daemon.hasEnded else { throw Violation("the daemon ended by itself") }
      let pause = left.isEmpty ? 100_000 : UInt32.random(in: 0...UInt32(options.pause * 1000), using: &random)
      usleep(pause)
      if Poll.now() >= nextSample {
        resources.sample(daemon, context, at: Poll.now() - begin)
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
    say(context.counters.report)
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
