import CJobHTTP
import JobAPI
import JobModel

extension Worker {
  /// `PUT /jobs`.
  func create(_ exchange: Exchange, _ body: UnsafeRawBufferPointer, key: String?) throws {
    let creation = Creator.creation(try CreateRequest(strictJSON: body), key: key)
    let name = api.clients.name(Int(exchange.client))
    request(for: exchange) { ticket in
      .create(ticket: ticket, client: name, creation)
    } then: { exchange, id in
      guard let id else { throw MalformedBytes() }
      exchange.reply(encoded: Array(#"{"id":"\#(id)"}"#.utf8))
    }
  }
}

/// From a checked request to what is asked of the supervisor.
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
