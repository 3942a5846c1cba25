import Glibc
import Harness
import JobAPI
import JobClient

/// What clients do, each from a job's creation to its end.
extension LoadClient {
  /// Until the run is over.
  func work() {
    while !context.mustStop {
      do {
        try scenario()
      } catch {
        context.verdict.violation("client \(ledger.thread) (\(name)): \(error)")
      }
    }
  }

  private func scenario() throws {
    switch pick(0...119) {
    case 0..<30: try quick()
    case 30..<42: try batch()
    case 42..<46: try output(.paced, size: pick(60...300))
    case 46..<56: try output(.paced, size: pick(5...60))
    case 56..<63: try output(.bulk, size: pick(1...60_000))
    case 63..<66: try output(.burning, size: pick(0...30))
    case 66..<70: try output(.timed, size: pick(500...4000))
    case 70..<79: try feed()
    case 79..<85: try end { try self.stop($0) }
    case 85..<91: try end { try self.signal($0) }
    case 91..<95: try deleteEarly()
    case 95..<97: try missing()
    case 97..<100: try run()
    default: try runRequest()
    }
  }

  /// Most jobs are deleted; the others are compared again at the end of the run.
  func keepOrDelete(_ index: Int) throws {
    if chance(90) { try delete(index) }
  }

  private func quick() throws {
    let index = plan(.quick)
    if chance(70) { try create(index) } else if try !createOnce(index) { return }
    try finish(index)
    if chance(50) { try compareStored(index) }
    try keepOrDelete(index)
  }

  private func batch() throws {
    // Now and then more than are launched at once: some wait.
    let count = pick(2...(chance(8) ? 150 : 20))
    let indices = (0..<count).map { _ in chance(80) ? plan(.quick) : plan(.given, size: pick(1...2000)) }
    guard let results = try results(ofBatch: indices.map { ledger[$0].plan }) else { return }
    guard results.count == indices.count else {
      throw Violation("a batch of \(indices.count) jobs has \(results.count) results")
    }
    for (index, result) in zip(indices, results) {
      guard let id = result.id else {
        throw Violation("job \(ledger[index].plan.tag) of a batch was refused: \(result.error ?? "")")
      }
      accepted(index, id)
    }
    context.counters.add(.batched, indices.count)
    for index in indices {
      try finish(index)
      try keepOrDelete(index)
    }
  }

  /// With a key until it is answered, or without one; nil: there was no answer.
  private func results(ofBatch plans: [Plan]) throws -> [BatchReply.Result]? {
    let requests = plans.map { $0.request(context) }
    guard chance(60) else { return try once { try client.create(requests) } }
    return try persist("create a batch from \(plans[0].tag) on") { isRetry in
      if isRetry { context.counters.add(.keyedRetries) }
      return try client.create(requests, key: "batch-\(plans[0].tag)")
    }
  }

  private func output(_ kind: Plan.Kind, size: Int) throws {
    let index = plan(kind, size: size)
    try create(index)
    try readOutput(index)
    try keepOrDelete(index)
  }

  /// Feeds standard input in pieces, each until it is answered, and looks for all of it in the output.
  private func feed() throws {
    let index = plan(.fed, size: pick(0...200_000))
    try create(index)
    let input = ledger[index].plan.input
    let (most, pause) = chance(50) ? (20_000, 300_000) : (80_000, 0)
    var offset = 0
    repeat {
      usleep(UInt32(pick(0...pause)))
      let end = min(input.count, offset + pick(1...most))
      try feed(Array(input[offset..<end]), at: offset, close: end == input.count, index)
      offset = end
    } while offset < input.count && ledger[index].fate == .accepted
    guard ledger[index].fate != .deleted else { return }
    if chance(50) { try followLog(index) } else { try finish(index) }
    try compareStored(index)
    try keepOrDelete(index)
  }

  private func feed(_ bytes: [UInt8], at offset: Int, close: Bool, _ index: Int) throws {
    let entry = ledger[index]
    try persist("feed \(entry.plan.tag)") { isRetry in
      do {
        try client.feed(entry.id!, bytes, at: UInt64(offset), close: close)
      } catch ClientError.status(409, let text, _)
        where text.contains("how much of it the job got is not known")
        && context.supervisorMayHaveDied(since: entry.asked)
      {
        try giveUp(index)
      } catch ClientError.status(409, let text, _) {
        // The job ends once it has the last piece, or was lost: an answer that got lost too cannot be repeated.
        guard isRetry && close || context.supervisorMayHaveDied(since: entry.asked) else {
          throw Violation("job \(entry.plan.tag) \(entry.id!) takes no input at byte \(offset): \(text)")
        }
        try finish(index)
      }
    }
    context.counters.add(.fed, bytes.count)
  }

  /// What it was fed when the supervisor was killed is not known: it waits for more, and gets no more.
  private func giveUp(_ index: Int) throws {
    context.counters.add(.givenUp)
    try compareStored(index)
    try delete(index)
  }

  /// Ends a job that waits for it.
  private func end(_ how: (Int) throws -> Void) throws {
    let index = plan(.waiting)
    try create(index)
    if chance(50) { usleep(UInt32(pick(0...2_500_000))) }
    if try isReady(index) { try how(index) } else { try finish(index) }
    try compareStored(index)
    try keepOrDelete(index)
  }

  /// Whether it has set its traps; false: it was lost before.
  private func isReady(_ index: Int) throws -> Bool {
    let entry = ledger[index]
    var ready = false
    try Poll.until("job \(entry.plan.tag) \(entry.id!) to be ready") {
      let text = try persist("output of \(entry.plan.tag)") { _ in try client.output(entry.id!).stdout }
      if text.hasPrefix("ready") { ready = true }
      return try ready || persist("status") { _ in try client.status(entry.id!).status != .running }
    }
    return ready
  }

  private func stop(_ index: Int) throws {
    let entry = ledger[index]
    try judge(try persist("stop \(entry.plan.tag)") { _ in try client.stop(entry.id!) }, index)
  }

  private func signal(_ index: Int) throws {
    let entry = ledger[index]
    try persist("signal \(entry.plan.tag)") { isRetry in
      do {
        try client.signal(entry.id!, SignalRequest(signal: SignalName("USR1")!))
      } catch ClientError.status(409, let text, _) {
        guard isRetry || context.supervisorMayHaveDied(since: entry.asked) else {
          throw Violation("job \(entry.plan.tag) \(entry.id!) runs and takes no signal: \(text)")
        }
      }
    }
    try finish(index)
  }

  /// Deletes a job at any moment of its life.
  private func deleteEarly() throws {
    let index = chance(50) ? plan(.waiting) : plan(.paced, size: 30)
    try create(index)
    usleep(UInt32(pick(0...(chance(20) ? 2_000_000 : 60_000))))
    try delete(index)
  }

  private func missing() throws {
    let index = plan(.missing)
    try create(index)
    try finish(index)
    try keepOrDelete(index)
  }
}
