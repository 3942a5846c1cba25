import Glibc
import Harness
import JobAPI
import JobClient

/// Compares what the daemon has in the end with what its clients know. The main thread's, when all others are done.
final class Audit {
  private let context: Context
  private let ledgers: [Ledger]
  /// Jobs of a client that may run at once; 0: any number.
  private let slots: Int

  init(_ context: Context, _ ledgers: [Ledger], slots: Int) {
    (self.context, self.ledgers, self.slots) = (context, ledgers, slots)
  }

  func run(_ witnesses: [EventWitness]) throws {
    for witness in witnesses {
      let own = ledgers.filter { $0.client == witness.client }
      let client = JobClient(context.settings(witness.client))
      try awaitRemovals(client, own)
      let listed = try endOfAll(client)
      try compare(own, listed)
      if slots > 0 { compareSlots(witness.client, listed.values.joined()) }
      try compare(witness, own, listed)
    }
    compareLaunches()
    try compareFiles(kept: witnesses.flatMap { $0.jobs.keys })
    for witness in witnesses { try deleteAll(JobClient(context.settings(witness.client))) }
    try compareFiles(kept: [])
    mustHaveNoProcess()
  }

  private func check(_ holds: Bool, _ fact: @autoclosure () -> String) {
    if !holds { context.verdict.violation(fact()) }
  }

  /// What a run request with rm left whose answer did not arrive is there for a minute after its end.
  private func awaitRemovals(_ client: JobClient, _ own: [Ledger]) throws {
    let tags = Set(own.flatMap(\.entries).filter(mustGo).map(\.plan.tag))
    try Poll.until("the jobs of run requests with rm to be gone", seconds: 120) {
      try list(client).allSatisfy { !tags.contains($0.labels?["tag"] ?? "none") }
    }
  }

  /// The next supervisor tells how it ended, and does not know that nobody asks.
  private func mustGo(_ entry: Ledger.Entry) -> Bool {
    entry.leavesNothing && !context.supervisorMayBeAnother(since: entry.asked)
  }

  /// All jobs of a client, each ended: one whose creation was not answered may still run.
  private func endOfAll(_ client: JobClient) throws -> [String: [JobDetail]] {
    for job in try list(client, ["state": "running"]) {
      var status = try client.status(job.id, wait: DurationText("30s"))
      if status.status == .running { status = try client.status(job.id, wait: DurationText("30s")) }
      check(status.status != .running, "job \(job.id) \(job.labels ?? [:]) does not end")
    }
    return Dictionary(grouping: try list(client)) { $0.labels?["tag"] ?? "none" }
  }

  /// By when their programs were started and ended: never more at once than there are slots.
  private func compareSlots(_ client: String, _ jobs: some Sequence<JobDetail>) {
    var changes: [(time: String, change: Int)] = []
    for job in jobs {
      // Of one that was lost the end is when that was seen, after others had begun.
      guard let started = job.started, let ended = job.finished, job.endedBy != .lost else { continue }
      changes += [(started, 1), (ended, -1)]
    }
    // What ends in the same microsecond ends first.
    changes.sort { ($0.time, $0.change) < ($1.time, $1.change) }
    var (running, most) = (0, 0)
    for change in changes {
      running += change.change
      most = max(most, running)
    }
    say("\(client): at most \(most) jobs ran at once, of \(changes.count / 2)")
    check(most <= slots, "\(client) had \(most) jobs that ran at once, with \(slots) slots")
  }

  private func list(_ client: JobClient, _ query: Query = [:]) throws -> [JobDetail] {
    var jobs: [JobDetail] = []
    var cursor: String?
    repeat {
      var page = query
      page.add("limit", "1000")
      page.add("cursor", cursor)
      let reply = try client.list(page)
      jobs += reply.jobs
      cursor = reply.next
    } while cursor != nil
    return jobs
  }

  private func compare(_ own: [Ledger], _ listed: [String: [JobDetail]]) throws {
    var known: Set<String> = []
    for ledger in own {
      let reader = LoadClient(context, ledger, seed: 0)
      for (index, entry) in ledger.entries.enumerated() {
        known.insert(entry.plan.tag)
        try compare(entry, listed[entry.plan.tag] ?? [], index, reader)
      }
    }
    for (tag, jobs) in listed where !known.contains(tag) {
      check(false, "nobody asked for job \(jobs[0].id) with the tag \(tag)")
    }
  }

  private func compare(_ entry: Ledger.Entry, _ jobs: [JobDetail], _ index: Int, _ reader: LoadClient) throws
  {
    let tag = entry.plan.tag
    let expected =
      switch entry.fate {
      case .unanswered: mustGo(entry) ? 0...0 : 0...1
      case .accepted, .finished, .lost: 1...1
      case .deleted: 0...0
      }
    check(
      expected.contains(jobs.count),
      "job \(tag) \(entry.id.map { "\($0)" } ?? "") (\(entry.fate)) is listed \(jobs.count) times")
    guard let job = jobs.first else { return }
    check(entry.id == nil || entry.id == job.id, "job \(tag) is \(entry.id!), and listed as \(job.id)")
    reader.ledger[index].id = job.id
    if entry.fate == .unanswered { reader.ledger[index].fate = .accepted }
    try reader.judge(job.state, index)
    try reader.check(job, entry.plan)
    try reader.compareStored(index)
  }

  private func compare(_ witness: EventWitness, _ own: [Ledger], _ listed: [String: [JobDetail]]) throws {
    try Poll.until("the last event of \(witness.client)") { try witness.catchUp() }
    let ids = Set(listed.values.joined().map(\.id))
    check(Set(witness.jobs.keys) == ids, "events of \(witness.client) tell of other jobs than the list")
    for (id, finished) in witness.jobs { check(finished, "job \(id) ended, and no event told of it") }
  }

  /// By what the jobs themselves wrote, outside of jobd.
  private func compareLaunches() {
    for ledger in ledgers {
      let lines = Files.text(context.launches(ledger.thread)).split(separator: "\n")
      let counts = Dictionary(grouping: lines) { $0 }.mapValues(\.count)
      for entry in ledger.entries {
        let count = counts[Substring(entry.plan.tag)] ?? 0
        check(count <= 1, "job \(entry.plan.tag) was launched \(count) times")
        let hasRun = entry.hasFinished && entry.plan.kind != .missing
        check(count == 1 || !hasRun, "job \(entry.plan.tag) finished, and was launched \(count) times")
      }
    }
  }

  /// Every file belongs to a job that is kept. What a supervisor that was killed left, the next removes.
  private func compareFiles(kept: [JobID]) throws {
    let names = Set(kept.map { "\($0)" })
    var leaked: [String] = []
    do {
      try Poll.until("the files of deleted jobs to be gone", seconds: 20) {
        leaked = context.outputFiles.filter { !names.contains(String($0.prefix(36))) }
        return leaked.isEmpty
      }
    } catch is Poll.TimeIsUp {
      check(false, "\(leaked.count) files of no job: \(leaked.prefix(5))")
    }
  }

  private func deleteAll(_ client: JobClient) throws {
    for job in try list(client) { try client.delete(job.id) }
    check(try list(client).isEmpty, "jobs are listed after all were deleted")
  }

  private func mustHaveNoProcess() {
    let left = DaemonProcesses.ofJobs(context.mark)
    check(left.isEmpty, "processes of jobs are left: \(left)")
  }
}
