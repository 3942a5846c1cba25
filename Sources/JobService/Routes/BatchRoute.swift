import JobAPI
import JobModel

/// `POST /jobs:batch`: each job with a result of its own.
final class BatchTask: ExchangeTask {
  private var results: [BatchReply.Result?] = []
  private var left = 0
  private let creator: Creator
  /// Those that were not sent to the supervisor yet.
  private var creations = BatchPieces()

  init(_ worker: Worker, _ creator: Creator) {
    self.creator = creator
    super.init(worker)
  }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    worker.decodeBatch(bytes, exchange, creator) { [self] exchange, decoded in
      creations = decoded
      results = Array(repeating: nil, count: decoded.count)
      left = decoded.count
      exchange.wake()
    }
  }

  override func wake(_ exchange: Exchange) {
    for (index, creation) in creations.take(exchange) { create(creation, index, exchange) }
    if creations.isEmpty, left == 0 { reply(exchange) }
  }

  private func create(
    _ creation: Result<ApiRequest.Creation, InvalidRequest>, _ index: Int, _ exchange: Exchange
  ) {
    switch creation {
    case .success(let creation):
      let by = exchange.principal.by
      worker.ask(for: exchange) {
        .create(ticket: $0, by: by, creation)
      } then: { [unowned self] in
        self.answered(index, $1, $0)
      }
    case .failure(let error):
      results[index] = BatchReply.Result(error: "\(error)", status: 400)
      left -= 1
    }
  }

  private func answered(_ index: Int, _ answer: Answer, _ exchange: Exchange) {
    switch answer {
    case .success(.job(let id)): results[index] = BatchReply.Result(id: id)
    case .success:
      results[index] = BatchReply.Result(error: "the daemon failed to create the job", status: 500)
    case .failure(let refusal):
      let problem = Problem(refusal)
      results[index] = BatchReply.Result(error: problem.detail, status: Int(problem.status))
    }
    left -= 1
    if left == 0 { reply(exchange) }
  }

  private func reply(_ exchange: Exchange) {
    exchange.reply(encoded: BatchBody.encode(results.compactMap { $0 }))
  }
}

/// The body of a batch's reply, as ``BatchReply`` says it: encoded by hand, since the encoder takes some twenty milliseconds
/// for a thousand results, in which the worker serves nobody.
enum BatchBody {
  static func encode(_ results: [BatchReply.Result]) -> [UInt8] {
    var out = Array(#"{"results":["#.utf8)
    out.reserveCapacity(results.count * 128)
    for (index, result) in results.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      encode(result, into: &out)
    }
    out.append(contentsOf: "]}".utf8)
    return out
  }

  private static func encode(_ result: BatchReply.Result, into out: inout [UInt8]) {
    if let id = result.id {
      out.append(contentsOf: #"{"id":""#.utf8)
      out.append(contentsOf: id.description.utf8)
      out.append(contentsOf: #""}"#.utf8)
      return
    }
    out.append(contentsOf: #"{"error":""#.utf8)
    JSONText.put(result.error ?? "", into: &out)
    out.append(contentsOf: #"","status":\#(result.status ?? 500)}"#.utf8)
  }
}
