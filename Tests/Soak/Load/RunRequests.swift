import Harness
import JobAPI
import JobClient

/// Jobs whose creation is answered with their end and their output.
extension LoadClient {
  func runRequest() throws {
    switch pick(0...2) {
    case 0: try runOnce()
    case 1: try runByKey()
    default: try runRemoved()
    }
  }

  private func runPlan(leavesNothing: Bool = false) -> Int {
    func plan(_ kind: Plan.Kind, _ sizes: ClosedRange<Int>) -> Int {
      self.plan(kind, size: pick(sizes), leavesNothing: leavesNothing)
    }
    return switch pick(0...9) {
    case 0..<5: plan(.quick, 0...0)
    case 5: plan(.given, 1...2000)
    case 6: plan(.paced, 5...60)
    case 7: plan(.bulk, 1...60_000)
    case 8: plan(.timed, 500...2000)
    default: plan(.missing, 0...0)
    }
  }

  private func runOnce() throws {
    let index = runPlan()
    guard let result = try once({ try run(index) }) else { return }
    try take(result, index)
    if chance(50) { try compareStored(index) }
    try keepOrDelete(index)
  }

  private func runByKey() throws {
    let index = runPlan()
    let tag = ledger[index].plan.tag
    let key = "run-\(tag)"
    try take(
      try persist("run \(tag)") { isRetry in
        if isRetry { context.counters.add(.keyedRetries) }
        return try run(index, key: key)
      }, index)
    if chance(20) { try repeatRun(index, key) }
    try keepOrDelete(index)
  }

  /// A retry gives what the first one gave, and launches nothing.
  private func repeatRun(_ index: Int, _ key: String) throws {
    let entry = ledger[index]
    let again = try persist("run \(entry.plan.tag) again") { _ in try run(index, key: key) }
    guard again.id == entry.id else {
      throw Violation("job \(entry.plan.tag) is \(entry.id!), and by its key \(again.id)")
    }
    try judge(again.state, index)
    try compare(again.output, index)
  }

  private func runRemoved() throws {
    let index = runPlan(leavesNothing: true)
    let entry = ledger[index]
    guard let result = try once({ try run(index) }) else { return }
    switch Judgement(of: result.state, entry.plan) {
    case .right: ledger[index].fate = .finished
    case .lost where context.supervisorMayHaveDied(since: entry.asked): ledger[index].fate = .lost
    case .lost: throw Violation("job \(entry.plan.tag) was lost, and no supervisor was killed")
    case .wrong(let fact): throw Violation("job \(entry.plan.tag) \(result.id) \(fact)")
    }
    note(result, index)
    context.counters.add(.removedRuns)
    try compare(result.output, index)
    ledger[index].fate = .deleted
    try mustBeGone(result.id, entry.plan.tag)
  }

  /// It goes when its answer has been sent, which may be a moment after that was read.
  private func mustBeGone(_ id: JobID, _ tag: String) throws {
    try Poll.until("job \(tag) \(id), which was run with rm, to be gone", seconds: 20) {
      do {
        _ = try persist("look for \(tag)") { _ in try client.status(id) }
        return false
      } catch ClientError.notFound {
        return !context.outputFiles.contains { $0.contains("\(id)") }
      }
    }
  }

  private func take(_ result: RunReply, _ index: Int) throws {
    ledger[index].fate = .accepted
    note(result, index)
    try judge(result.state, index)
    try compare(result.output, index)
  }

  private func note(_ result: RunReply, _ index: Int) {
    ledger[index].id = result.id
    context.counters.add(.created)
    context.counters.add(.answeredRuns)
  }

  /// Of a job that was lost there may be a beginning.
  private func compare(_ output: OutputReply?, _ index: Int) throws {
    let entry = ledger[index]
    guard let output else { throw Violation("run \(entry.plan.tag) answers no output") }
    for (stream, text, expected) in [
      (OutputStream.stdout, output.stdout, entry.plan.stdout),
      (.stderr, output.stderr, entry.plan.stderr),
    ] {
      var comparison = StreamComparison("the \(stream) that run \(entry.plan.tag) answered", expected)
      try Array(text.utf8).withUnsafeBytes { try comparison.take($0) }
      if entry.fate == .finished { try comparison.mustBeComplete() }
    }
  }

  private func run(_ index: Int, key: String? = nil) throws -> RunReply {
    let entry = ledger[index]
    let request = RunRequest(entry.plan.request(context), removes: entry.leavesNothing ? true : nil)
    let headers = key.map { "Idempotency-Key: \($0)\r\n" }
    return try client.call(.run, Route.run.target(), headers: headers, body: JSONBody.encode(request))
  }
}
