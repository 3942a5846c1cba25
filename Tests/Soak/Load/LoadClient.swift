import Glibc
import Harness
import JobAPI
import JobClient

/// One client: a thread that makes jobs, looks at them, ends them, and compares all it sees with what must be.
final class LoadClient {
  let context: Context
  let ledger: Ledger
  let name: String
  var client: JobClient
  var random: SplitMix

  /// Seconds for the daemon to come back, and for a job to end.
  private static let patience = 60.0
  private static let longestJob = 180.0

  init(_ context: Context, _ ledger: Ledger, seed: UInt64) {
    (self.context, self.ledger, name) = (context, ledger, ledger.client)
    client = JobClient(context.settings(ledger.client))
    random = SplitMix(seed: seed &+ UInt64(ledger.thread))
  }

  func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
  func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  /// Asks again, for as long as only the connection fails. `body` is told whether an earlier attempt may have been
  /// carried out.
  func persist<Result>(_ what: String, _ body: (_ isRetry: Bool) throws -> Result) throws -> Result {
    var since: Double?
    var pause: UInt32 = 5_000
    while true {
      do {
        return try body(since != nil)
      } catch let error as ClientError where context.isTransient(error) {
        client.disconnect()
        context.counters.add(.reconnects)
        let first = since ?? Poll.now()
        since = first
        guard Poll.now() - first < Self.patience else {
          throw Violation("\(what): no answer for \(Self.patience) s: \(error)")
        }
        usleep(pause)
        pause = min(pause * 2, 100_000)
      }
    }
  }

  /// A job that is about to be asked for.
  func plan(_ kind: Plan.Kind, size: Int = 0, leavesNothing: Bool = false) -> Int {
    let plan = Plan(
      thread: ledger.thread, number: ledger.next, kind: kind, size: size, code: Int32(pick(0...100)))
    return ledger.add(plan, leavesNothing: leavesNothing)
  }

  /// Creates it with a key, until that is answered.
  func create(_ index: Int) throws {
    let plan = ledger[index].plan
    let key = "soak-\(plan.tag)"
    let id = try persist("create \(plan.tag)") { isRetry in
      if isRetry { context.counters.add(.keyedRetries) }
      return try client.create(plan.request(context), key: key)
    }
    accepted(index, id)
    context.counters.add(.created)
    guard chance(2) else { return }
    let again = try persist("create \(plan.tag) again") { _ in
      try client.create(plan.request(context), key: key)
    }
    guard again == id else { throw Violation("job \(plan.tag) is \(id), and by its key \(again)") }
  }

  /// Creates it without a key, once; false: there was no answer.
  func createOnce(_ index: Int) throws -> Bool {
    let request = ledger[index].plan.request(context)
    guard let id = try once({ try client.create(request) }) else { return false }
    accepted(index, id)
    context.counters.add(.created)
    return true
  }

  /// Asks once; nil: the connection failed, and nobody knows whether it was carried out.
  func once<Result>(_ body: () throws -> Result) throws -> Result? {
    do {
      return try body()
    } catch let error as ClientError where context.isTransient(error) {
      client.disconnect()
      context.counters.add(.unanswered)
      return nil
    }
  }

  func accepted(_ index: Int, _ id: JobID) {
    ledger[index].id = id
    ledger[index].fate = .accepted
  }

  /// Waits for its end, and compares it with what must be.
  @discardableResult
  func finish(_ index: Int) throws -> StatusReply {
    let entry = ledger[index]
    let end = Poll.now() + Self.longestJob
    while true {
      let status = try persist("wait for \(entry.plan.tag)") { _ in
        try client.status(entry.id!, wait: DurationText("20s"))
      }
      guard status.status == .running else {
        try judge(status, index)
        return status
      }
      guard Poll.now() < end else {
        throw Violation("job \(entry.plan.tag) \(entry.id!) still runs after \(Self.longestJob) s")
      }
    }
  }

  /// Compares an end with what must be, and notes it. What was seen once must not change.
  func judge(_ status: StatusReply, _ index: Int) throws {
    let entry = ledger[index]
    let fate: Ledger.Fate
    switch Judgement(of: status, entry.plan) {
    case .right: fate = .finished
    case .lost: fate = .lost
    case .wrong(let fact): throw Violation("job \(entry.plan.tag) \(entry.id!) \(fact)")
    }
    guard entry.fate != fate else { return }
    guard entry.fate == .accepted else {
      throw Violation("job \(entry.plan.tag) \(entry.id!) was \(entry.fate) and is \(fate) now")
    }
    ledger[index].fate = fate
    context.counters.add(fate == .lost ? .lost : .finished)
    let detail = try persist("detail of \(entry.plan.tag)") { _ in try client.detail(entry.id!) }
    if detail.adopted == true { context.counters.add(.adopted) }
    try check(detail, entry.plan)
  }

  /// Deletes it, until that is answered.
  func delete(_ index: Int) throws {
    let entry = ledger[index]
    try persist("delete \(entry.plan.tag)") { isRetry in
      do {
        try client.delete(entry.id!)
      } catch ClientError.notFound where isRetry {
      } catch ClientError.notFound {
        throw Violation("job \(entry.plan.tag) \(entry.id!) was accepted and is unknown when it is deleted")
      }
    }
    ledger[index].fate = .deleted
    context.counters.add(.deleted)
    guard chance(10) else { return }
    do {
      let status = try persist("look for \(entry.plan.tag)") { _ in try client.status(entry.id!) }
      throw Violation("job \(entry.plan.tag) \(entry.id!) was deleted and is \(status.status)")
    } catch ClientError.notFound {}
  }
}

/// Whether a job ended as it had to.
enum Judgement: Equatable {
  case right
  /// An error that says that supervision was lost.
  case lost
  case wrong(String)

  init(of status: StatusReply, _ plan: Plan) {
    switch status.status {
    case .running: self = .wrong("still runs")
    case .completed:
      let timedOut = status.timedOut == true
      let isRight =
        plan.kind != .missing && status.exitCode == plan.code && status.signal == nil
        && timedOut == (plan.kind == .timed)
      let seen = "exit code \(status.exitCode ?? -1), signal \(status.signal ?? 0), timed out: \(timedOut)"
      self = isRight ? .right : .wrong("has \(seen) and should have exit code \(plan.code) (\(plan.kind))")
    case .error:
      let message = status.errorMessage ?? ""
      if message.contains("supervision of the job was lost") {
        self = .lost
      } else if plan.kind == .missing, message.hasPrefix("cannot start the job") {
        self = .right
      } else {
        self = .wrong("failed: \(message) (\(plan.kind))")
      }
    }
  }
}
