import CJobHTTP
import JobAPI
import JobModel

extension Worker {
  /// `PUT /jobs`.
  func create(_ exchange: Exchange, _ body: UnsafeRawBufferPointer, _ creator: Creator) throws {
    let creation = creator.creation(try CreateRequest(strictJSON: body))
    let by = exchange.principal.by
    request(for: exchange) { ticket in
      .create(ticket: ticket, by: by, creation)
    } then: { exchange, id in
      guard let id else { throw MalformedBytes() }
      exchange.reply(encoded: Array(#"{"id":"\#(id)"}"#.utf8))
    }
  }

  /// For what a request creates.
  func creator(_ exchange: Exchange, _ head: RequestHead) throws(Problem) -> Creator {
    Creator(key: try head.idempotencyKey(), defaults: api.clients.defaults(exchange.principal.client))
  }
}

/// From a checked request to what is asked of the supervisor.
struct Creator: Sendable {
  /// The request's Idempotency-Key.
  let key: String?
  /// Of the client.
  let defaults: ClientSettings.Defaults

  /// For one job of a batch. Its key is its own, which no client can send: a retry gives the same jobs.
  func forJob(_ index: Int) -> Creator { Creator(key: key.map { "\($0)\n\(index)" }, defaults: defaults) }

  func creation(_ request: CreateRequest) -> ApiRequest.Creation {
    let asked = JobPlan(request)
    var creation = ApiRequest.Creation(plan(of: request, asked), input: request.inputBytes)
    if let key {
      // Of what is asked for: a retry asks for the same when the default is another by then.
      creation.idempotency = ApiRequest.Idempotency(
        key: key, digest: digest(asked.bytes, creation.input),
        firstDigest: digest(request.firstSpec, creation.input))
    }
    return creation
  }

  /// With the runner and the user that the job has.
  private func plan(of request: CreateRequest, _ asked: JobPlan) -> JobPlan {
    let runner = request.runner ?? defaults.runner
    let chosen = (runner: runner == Runner.none ? nil : runner, user: request.user ?? defaults.user)
    guard chosen != (request.runner, request.user) else { return asked }
    var request = request
    (request.runner, request.user) = chosen
    return JobPlan(request)
  }

  /// One job of a batch whose results are answered.
  func run(_ run: RunRequest) -> Result<ApiRequest.Creation, InvalidRequest> {
    guard run.onDisconnect == nil else {
      return .failure(InvalidRequest(member: "on_disconnect", "is for one job, not for those of a batch"))
    }
    return Result { () throws(InvalidRequest) in try self.run(run, isEarly: false) }
  }

  /// With a key the creation is on disk before anything else is done.
  func run(_ run: RunRequest, isEarly: Bool) throws(InvalidRequest) -> ApiRequest.Creation {
    let removes = run.removes == true
    guard key == nil || !removes else {
      throw InvalidRequest(
        member: "rm", "excludes an Idempotency-Key: of a job that is removed no retry finds the result")
    }
    var creation = creation(run.job)
    if key == nil { creation.run = ApiRequest.Run(removes: removes, isEarly: isEarly) }
    return creation
  }

  /// SHA-256 (FIPS 180-4) of what the request asks for.
  private func digest(_ job: [UInt8], _ input: [UInt8]?) -> [UInt8] {
    let message = job + (input.map { [1] + $0 } ?? [0])
    var digest = [UInt8](repeating: 0, count: 32)
    jc_sha256(message, message.count, &digest)
    return digest
  }
}
