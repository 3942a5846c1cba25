import JobAPI

extension JobClient {
  /// Creates a job. `key`: a retry with the same one gives the same job.
  public func create(_ request: CreateRequest, key: String? = nil) throws(ClientError) -> JobID {
    return try call(
      .create, Route.create.target(), headers: headersOfCreation(key), body: JSONBody.encode(request),
      as: CreateReply.self
    ).id
  }

  /// Creates up to ``BatchRequest/most`` jobs, each of which succeeds or fails by itself. `key`: a retry with the same
  /// one gives the same jobs.
  public func create(
    _ requests: [CreateRequest], key: String? = nil
  ) throws(ClientError) -> [BatchReply.Result] {
    let body = JSONBody.encode(BatchRequest(jobs: requests))
    return try call(
      .batch, Route.batch.target(), headers: headersOfCreation(key), body: body, as: BatchReply.self
    ).results
  }

  /// `wait`: hold the reply until the job has ended, at most this long; shorter than the time a reply may take.
  public func status(_ id: JobID, wait: DurationText? = nil) throws(ClientError) -> StatusReply {
    try call(.status, Route.status.target(id, ["wait": wait?.description]))
  }

  /// Both streams as text; what is not UTF-8 is replaced.
  public func output(_ id: JobID) throws(ClientError) -> OutputReply {
    try call(.output, Route.output.target(id))
  }

  public func detail(_ id: JobID) throws(ClientError) -> JobDetail {
    try call(.detail, Route.detail.target(id))
  }

  /// One page of the client's jobs; the query is that of ``Route/list``.
  public func list(_ query: Query = [:]) throws(ClientError) -> JobList {
    try call(.list, Route.list.target(query))
  }

  /// What may launch the client's jobs, by name; `none` is having no runner.
  public func runners() throws(ClientError) -> [RunnersReply.Entry] {
    try call(.runners, Route.runners.target(), as: RunnersReply.self).runners
  }

  public func delete(_ id: JobID) throws(ClientError) { try callBytes(.delete, Route.delete.target(id)) }

  public func signal(_ id: JobID, _ request: SignalRequest) throws(ClientError) {
    try callBytes(.signal, Route.signal.target(id), body: JSONBody.encode(request))
  }

  /// Returns when the job has ended.
  public func stop(_ id: JobID, grace: DurationText? = nil) throws(ClientError) -> StatusReply {
    try call(.stop, Route.stop.target(id), body: JSONBody.encode(StopRequest(grace: grace)))
  }

  /// Takes a job that waits for a slot out of its queue; nil: it was started, and goes on.
  public func stopQueued(_ id: JobID) throws(ClientError) -> StatusReply? {
    do throws(ClientError) {
      return try call(.stop, Route.stop.target(id), body: JSONBody.encode(StopRequest(queued: true)))
    } catch .status(409, _, _) {
      return nil
    }
  }

  /// Changes the size of the job's terminal. `writer`: who does.
  public func resize(_ id: JobID, _ size: TerminalSize, as writer: String? = nil) throws(ClientError) {
    try callBytes(.resize, Route.resize.target(id, ["writer": writer]), body: JSONBody.encode(size))
  }

  /// `writer` needs the job's terminal no more: another may have it at once.
  public func leave(_ id: JobID, as writer: String) throws(ClientError) {
    try callBytes(.stdin, Route.stdin.target(id, ["close": "0", "writer": writer, "leave": "1"]))
  }

  /// Feeds the open standard input of a job, and closes it. `offset`: where the bytes belong in all of the input.
  public func feed(_ id: JobID, _ bytes: [UInt8], at offset: UInt64? = nil, close: Bool) throws(ClientError) {
    let query: Query = ["offset": offset.map { "\($0)" }, "close": close ? "1" : "0"]
    try callBytes(.stdin, Route.stdin.target(id, query), body: bytes)
  }
}

extension JobClient {
  /// Runs a job to its end, and answers with its result. `wait`: at most so long; then the reply has no output, and the
  /// job goes on. `key`: a retry with the same one gives the same result.
  public func run(
    _ request: RunRequest, wait: DurationText? = nil, key: String? = nil
  ) throws(ClientError) -> RunReply {
    let target = Route.run.target(["wait": wait?.description])
    return try call(.run, target, headers: headersOfCreation(key), body: JSONBody.encode(request))
  }

  /// Of a request that creates jobs.
  func headersOfCreation(_ key: String?) -> String {
    let fields = [("Idempotency-Key", key), ("traceparent", traceparent?.text)]
    return fields.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.joined()
  }
}
