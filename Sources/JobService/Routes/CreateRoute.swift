import CJobHTTP
import JobAPI
import JobModel

/// `PUT /jobs`.
final class CreateTask: ExchangeTask {
  private unowned let worker: Worker
  private let key: String?

  init(_ worker: Worker, key: String?) {
    self.worker = worker
    self.key = key
  }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do {
      let creation = Creator.creation(try CreateRequest(strictJSON: bytes), key: key)
      let name = worker.api.clients.name(Int(exchange.client))
      worker.ask(for: exchange) {
        .create(ticket: $0, client: name, creation)
      } then: { [unowned worker] in
        Self.reply($0, $1, worker)
      }
    } catch {
      worker.fail(exchange, error)
    }
  }

  private static func reply(_ exchange: Exchange, _ answer: Answer, _ worker: Worker) {
    switch answer {
    case .created(let id):
      exchange.reply(200, type: "application/json", body: Array(#"{"id":"\#(id)"}"#.utf8))
    case .refused(let refusal): worker.fail(exchange, Problem(refusal))
    case .done: worker.fail(exchange, MalformedBytes())
    }
  }
}

/// From a checked request to what the supervisor is asked.
enum Creator {
  static func creation(_ request: CreateRequest, key: String?) -> ApiRequest.Creation {
    var creation = ApiRequest.Creation(JobPlan(request), input: request.inputBytes)
    if let key {
      creation.idempotency = ApiRequest.Idempotency(
        key: key, digest: digest(creation.plan.bytes, creation.input),
        firstDigest: digest(request.firstSpec, creation.input))
    }
    return creation
  }

  /// SHA-256 (FIPS 180-4) of what the request asks for.
  private static func digest(_ job: [UInt8], _ input: [UInt8]?) -> [UInt8] {
    let message = job + (input.map { [1] + $0 } ?? [0])
    var digest = [UInt8](repeating: 0, count: 32)
    jc_sha256(message, message.count, &digest)
    return digest
  }
}
