import JobAPI

/// `POST /jobs:batch`: each job with a result of its own.
final class BatchTask: ExchangeTask {
  private unowned let worker: Worker
  private var results: [BatchReply.Result?] = []
  private var left = 0
  private let key: String?

  init(_ worker: Worker, key: String?) { (self.worker, self.key) = (worker, key) }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do {
      let attempts = try BatchAttempt(strictJSON: bytes).jobs
      results = Array(repeating: nil, count: attempts.count)
      left = attempts.count
      let name = worker.api.clients.name(Int(exchange.client))
      for (index, attempt) in attempts.enumerated() { create(attempt, index, name, exchange) }
      if left == 0 { reply(exchange) }
    } catch {
      worker.fail(exchange, error)
    }
  }

  private func create(
    _ attempt: Result<CreateRequest, InvalidRequest>, _ index: Int, _ name: String, _ exchange: Exchange
  ) {
    do {
      let creation = try Creator.creation(try attempt.get(), key: key(index))
      worker.order(for: exchange) {
        .create(ticket: $0, client: name, creation)
      } then: { [unowned self] in
        self.answered(index, $1, $0)
      }
    } catch {
      results[index] = BatchReply.Result(error: "\(error)", status: 400)
      left -= 1
    }
  }

  /// Each job of a batch has a key of its own, which no client can send: a retry gives the same jobs.
  private func key(_ index: Int) -> String? { key.map { "\($0)\n\(index)" } }

  private func answered(_ index: Int, _ answer: Answer, _ exchange: Exchange) {
    switch answer {
    case .created(let id): results[index] = BatchReply.Result(id: id)
    case .refused(let refusal):
      let problem = Problem(refusal)
      results[index] = BatchReply.Result(error: problem.detail, status: Int(problem.status))
    case .done: results[index] = BatchReply.Result(error: "the daemon failed to create the job", status: 500)
    }
    left -= 1
    if left == 0 { reply(exchange) }
  }

  private func reply(_ exchange: Exchange) {
    exchange.reply(json: BatchReply(results: results.compactMap { $0 }))
  }
}
