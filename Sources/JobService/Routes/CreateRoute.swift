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
    Creator(
      key: try head.idempotencyKey(), defaults: api.clients.defaults(exchange.principal.client),
      trace: head.traceparent)
  }
}

/// From a checked request to what is asked of the supervisor.
struct Creator: Sendable {
  /// The request's Idempotency-Key.
  let key: String?
  /// Of the client.
  let defaults: ClientSettings.Defaults
  /// The request's.
  let trace: Traceparent?

  /// For one job of a batch. Its key is its own, which no client can send: a retry gives the same jobs.
  func forJob(_ index: Int) -> Creator {
    Creator(key: key.map { "\($0)\n\(index)" }, defaults: defaults, trace: trace)
  }

  func creation(_ request: CreateRequest) -> ApiRequest.Creation {
    let asked = JobPlan(request)
    var creation = ApiRequest.Creation(
      plan(of: request, asked), input: request.inputBytes, secrets: Secrets(request)?.encode())
    if let key { creation.idempotency = idempotency(key, request, asked, creation) }
    return creation
  }

  /// Of what is asked for: a retry asks for the same when the client's defaults, or its trace, are others by then.
  private func idempotency(
    _ key: String, _ request: CreateRequest, _ asked: JobPlan, _ creation: ApiRequest.Creation
  ) -> ApiRequest.Idempotency {
    let digest = digest(asked.bytes, creation.input)
    // No earlier version knew of secrets.
    if let secrets = creation.secrets {
      return ApiRequest.Idempotency(key: key, digest: self.digest(digest, secrets))
    }
    return ApiRequest.Idempotency(
      key: key, digest: digest, earlier: [self.digest(request.firstSpec, creation.input)])
  }

  /// With the runner, the user and the trace that the job has.
  private func plan(of request: CreateRequest, _ asked: JobPlan) -> JobPlan {
    let runner = request.runner ?? defaults.runner
    let chosen = (runner: runner == Runner.none ? nil : runner, user: request.user ?? defaults.user)
    guard chosen != (request.runner, request.user) || trace != nil else { return asked }
    var request = request
    (request.runner, request.user) = chosen
    return JobPlan(request, trace)
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

  /// SHA-256 (FIPS 180-4) of what the request asks for, and of what comes with that.
  private func digest(_ job: [UInt8], _ more: [UInt8]?) -> [UInt8] {
    let message = job + (more.map { [1] + $0 } ?? [0])
    var digest = [UInt8](repeating: 0, count: 32)
    jc_sha256(message, message.count, &digest)
    return digest
  }
}
