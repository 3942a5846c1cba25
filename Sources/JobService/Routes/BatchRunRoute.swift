import JobAPI
import JobModel
import Platform

/// `POST /jobs:batch?run=1`: each job's result as a line of its own, once it has ended.
final class BatchRunTask: StreamTask {
  private let creator: Creator
  private var creations = BatchPieces()
  /// Jobs without a result.
  private var left = 0
  /// Jobs that are waited for in the table, and where they are in the batch.
  private var observed: [JobID: Int] = [:]
  private var observer: JobTable.Observer?
  /// Results that are not sent yet, and the one that is.
  private var ready = Fifo<(index: Int, Outcome)>()
  private var current: OutputBody?
  /// Jobs that go once the client has the reply.
  private var removing: Set<Int> = []
  private var toRemove: [JobID] = []
  private var isDecoded = false
  private var isOver = false
  private var isSent = false
  /// Who asks, from the first byte on.
  private var principal: Principal!
  private var count: RunCount?

  private enum Outcome {
    case ended(JobRecord, HeldOutput?)
    case failed(Problem)
  }

  init(_ worker: Worker, _ creator: Creator) {
    self.creator = creator
    super.init(worker, failure: "run_failed")
  }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    principal = exchange.principal
    count = RunCount(worker.api.clients, principal.client)
    worker.decodeBatch(bytes, exchange, creator, isRun: true) { [self] exchange, decoded in
      (creations, left, isDecoded) = (decoded, decoded.count, true)
      exchange.beginReply(200, type: "application/x-ndjson")
      exchange.wake()
    }
  }

  /// Some creations, then what there is of results.
  override func send(_ exchange: Exchange) throws -> Bool {
    guard isDecoded else { return false }
    for (index, creation) in creations.take(exchange) { create(creation, index, exchange) }
    for (id, index) in observed { try look(id, index) }
    isSent = try write(exchange) && left == 0
    return isSent
  }

  private func create(
    _ creation: Result<ApiRequest.Creation, InvalidRequest>, _ index: Int, _ exchange: Exchange
  ) {
    switch creation {
    case .failure(let error): end(index, .failed(Problem(error)))
    case .success(let creation):
      if creation.run?.removes == true { removing.insert(index) }
      let by = principal.by
      worker.askAtLength(for: exchange) {
        .create(ticket: $0, by: by, creation)
      } then: { [self] exchange, answer in
        answered(index, answer, exchange)
      }
    }
  }

  private func answered(_ index: Int, _ answer: Answer, _ exchange: Exchange?) {
    switch answer {
    case .success(.job(let id)):
      if removing.contains(index) { toRemove.append(id) }
      if let exchange, !isOver { observe(id, index, exchange) }
    case .success(.ran(let record, let output)):
      toRemove.append(record.id)
      end(index, .ended(record, output))
    case .success: end(index, .failed(Problem(500, "the daemon failed to create the job")))
    case .failure(let refusal): end(index, .failed(Problem(refusal)))
    }
    if isOver { handOver(isWhole: false) } else { exchange?.wake() }
  }

  private func observe(_ id: JobID, _ index: Int, _ exchange: Exchange) {
    do {
      guard let client = worker.number(of: principal) else { throw MalformedBytes() }
      observer = worker.observer(exchange)
      guard let entry = try worker.observe(id, of: client, exchange) else {
        return end(index, .failed(.deletedMeanwhile))
      }
      guard entry.record.state == .running else { return end(index, .ended(entry.record, nil)) }
      observed[id] = index
    } catch {
      worker.api.log.error("run_failed", ["error": "\(error)"])
      end(index, .failed(Problem(500, "the daemon failed to carry out the request; its log says why")))
    }
  }

  private func look(_ id: JobID, _ index: Int) throws {
    guard let client = worker.number(of: principal) else { return }
    let record = try worker.record(id, of: client)
    guard record?.state != .running else { return }
    observed[id] = nil
    end(index, record.map { .ended($0, nil) } ?? .failed(.deletedMeanwhile))
  }

  private func end(_ index: Int, _ outcome: Outcome) {
    ready.append((index, outcome))
    left -= 1
  }

  /// False: not all of what is ready was taken.
  private func write(_ exchange: Exchange) throws -> Bool {
    while true {
      if let body = current {
        var bytes: [UInt8] = []
        let isWhole = try !body.next(&bytes)
        if isWhole { bytes.append(0x0a) }
        if isWhole { current = nil }
        guard exchange.write(bytes) else { return false }
      } else if let (index, outcome) = ready.popFirst() {
        guard try begin(index, outcome, exchange) else { return false }
      } else {
        return true
      }
    }
  }

  private func begin(_ index: Int, _ outcome: Outcome, _ exchange: Exchange) throws -> Bool {
    switch outcome {
    case .ended(let record, let output):
      current = try OutputBody(worker.api, ofRun: record, output, index: index)
      return true
    case .failed(let problem):
      var line = Array(#"{"index":\#(index),"error":""#.utf8)
      JSONText.put(problem.detail, into: &line)
      line.append(contentsOf: "\",\"status\":\(problem.status)}\n".utf8)
      return exchange.write(line)
    }
  }

  override func ended(_ end: ExchangeEnd) {
    (isOver, count) = (true, nil)
    if let observer { for id in observed.keys { worker.api.table.forget(id, observer) } }
    handOver(isWhole: end == .complete && isSent)
  }

  private func handOver(isWhole: Bool) {
    guard !toRemove.isEmpty, let client = worker.number(of: principal) else { return }
    worker.api.link.send(.delivered(client: client, ids: toRemove, isWhole: isWhole))
    toRemove = []
  }
}
