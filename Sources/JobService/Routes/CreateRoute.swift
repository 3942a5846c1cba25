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
      worker.order(for: exchange) {
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

/// From a checked request to the order that carries it out.
enum Creator {
  static func creation(_ request: CreateRequest, key: String?) -> Order.Creation {
    let input = request.inputBytes
    let spec = JobSpec(request)
    let encoded = spec.encoded
    var creation = Order.Creation(spec: spec, encodedSpec: encoded, input: input)
    if let key { creation.idempotency = Order.Idempotency(key: key, digest: digest(encoded, input)) }
    return creation
  }

  /// SHA-256 (FIPS 180-4) of what the request asks for.
  private static func digest(_ spec: [UInt8], _ input: [UInt8]?) -> [UInt8] {
    let message = spec + (input.map { [1] + $0 } ?? [0])
    var digest = [UInt8](repeating: 0, count: 32)
    jc_sha256(message, message.count, &digest)
    return digest
  }
}

extension JobSpec {
  init(_ request: CreateRequest) {
    self.init()
    command = request.cmd
    arguments = request.args
    environment = Self.pairs(request.env)
    directory = request.cwd
    stdinOpen = request.stdinOpen ?? false
    timeout = UInt64(request.timeout?.milliseconds ?? 0)
    grace = request.grace.map { UInt64($0.milliseconds) }
    labels = Self.pairs(request.labels)
    merge = request.merge ?? false
    outputLimit = request.outputLimit.map { UInt64($0) }
    killAtLimit = request.onLimit == .kill
    user = request.user
    group = request.group
  }

  /// Sorted, so that equal requests have equal forms.
  private static func pairs(_ values: [String: String]?) -> [NameAndValue] {
    (values ?? [:]).sorted { $0.key < $1.key }.map { NameAndValue(name: $0.key, value: $0.value) }
  }
}
