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

  /// One job of a batch whose results are answered.
  static func run(_ run: RunRequest, key: String?) -> Result<ApiRequest.Creation, InvalidRequest> {
    guard run.onDisconnect == nil else {
      return .failure(InvalidRequest(member: "on_disconnect", "is for one job, not for those of a batch"))
    }
    return Result { () throws(InvalidRequest) in try self.run(run, isEarly: false, key: key) }
  }

  /// With a key the creation is on disk before anything else is done.
  static func run(
    _ run: RunRequest, isEarly: Bool, key: String?
  ) throws(InvalidRequest) -> ApiRequest.Creation {
    let removes = run.removes == true
    guard key == nil || !removes else {
      throw InvalidRequest(
        member: "rm", "excludes an Idempotency-Key: of a job that is removed no retry finds the result")
    }
    var creation = creation(run.job, key: key)
    if key == nil { creation.run = ApiRequest.Run(removes: removes, isEarly: isEarly) }
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
