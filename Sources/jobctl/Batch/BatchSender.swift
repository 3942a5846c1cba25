import JobAPI
import JobClient
import Platform

/// Reads the input and sends it, as far as there is room for more. One thread.
struct BatchSender {
  private let desk: BatchDesk
  private let creation: BatchCreation
  private let form: BatchForm
  private let results: BatchResults?
  private let input: BatchInput
  private var pack: BatchPack

  /// Milliseconds: how long nothing may be told of a job before it is asked for. None while the jobs are those of an
  /// earlier run, of which nothing is told any more.
  private var patience = longestPatience
  private static let longestPatience: Int64 = 50
  /// Jobs that are asked for between two looks at the input.
  private static let mostLooks = 200

  init(
    _ desk: BatchDesk, _ creation: BatchCreation, _ form: BatchForm, _ results: BatchResults?,
    _ input: BatchInput, most: Int
  ) {
    (self.desk, self.creation, self.form) = (desk, creation, form)
    (self.results, self.input) = (results, input)
    pack = BatchPack(most: most, common: form.weight)
  }

  /// Returns when all has ended that was sent, with the line that was wrong, if one was.
  mutating func run() throws -> BatchFault? {
    var wrong: BatchFault?
    do {
      try sendAll()
    } catch let fault as BatchFault {
      wrong = fault
    }
    if desk.with({ $0.isStopping }) { try takeOutOfQueue() }
    while try !desk.wait(.end, milliseconds: patience) {
      try look()
      // One that was being sent when the first failed.
      if desk.with({ $0.isStopping }) { try takeOutOfQueue() }
    }
    return wrong
  }

  private mutating func sendAll() throws {
    while try waitForRoom() {
      switch try input.next(within: pack.unsent == 0 ? Int32(patience) : 0) {
      case .line(let line): guard try add(line) else { return }
      case .pause: try pack.unsent == 0 ? look() : send()
      case .end: return try send()
      }
      if pack.isFull || pack.unsent >= desk.with({ $0.room }) { try send() }
      if pack.isFull { pack = pack.next }
    }
  }

  /// False: nothing more is to be sent.
  private mutating func waitForRoom() throws -> Bool {
    while try !desk.wait(.room, milliseconds: patience) { try look() }
    return !desk.with { $0.isStopping }
  }

  /// False: nothing more is to be sent.
  private mutating func add(_ line: BatchLine) throws -> Bool {
    let request = try form.request(line)
    if !pack.takes(line, request) {
      try send()
      pack = pack.next
      guard try waitForRoom() else { return false }
    }
    let known = try results?.known(line.number, form.name(line))
    if let known { desk.with { $0.known(line, succeeded: known) } }
    pack.add(line, request, isDone: known != nil)
    return true
  }

  private mutating func send() throws {
    if pack.unsent > 0 { try creation.send(&pack) }
  }

  /// Asks for jobs that nothing was told of: those of an earlier run.
  private mutating func look() throws {
    let before = Clock.monotonic() - patience * 1000
    patience = Self.longestPatience
    for id in desk.with({ $0.unseen(before: before, most: Self.mostLooks) }) {
      let status = try known { try creation.client.status(id) }
      if status?.status != .running { patience = 0 }
      desk.with { $0.learn(id, status) }
    }
  }

  private func known(_ body: () throws -> StatusReply) throws -> StatusReply? {
    try creation.bridge.call {
      do { return try body() } catch ClientError.notFound { return nil }
    }
  }

  /// What waits for a slot is not to be started any more; what was started meanwhile goes on.
  private func takeOutOfQueue() throws {
    for id in desk.with({ $0.waiting }) {
      let status = try known { try creation.client.status(id) }
      guard status?.queued == true else {
        desk.with { $0.learn(id, status) }
        continue
      }
      let end = try known { try creation.client.stopQueued(id) ?? creation.client.status(id) }
      desk.with { $0.learn(id, end) }
    }
  }
}
