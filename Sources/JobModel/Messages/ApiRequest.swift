import JobAPI

/// What the api process asks of the supervisor. Each request with a ticket, a number of the api process's choosing, is
/// answered by one ``SupervisorEvent`` with the same.
package enum ApiRequest {
  /// The api process is ready for the running jobs.
  case hello
  /// It cannot go on, and ends.
  case failed(String)
  /// Who makes requests from now on: `by` is the number in those that are somebody's. No other peer of this process has or
  /// had it.
  case peer(number: UInt64, Peer)
  /// Of this peer no request follows.
  case peerGone(number: UInt64)
  case create(ticket: UInt64, by: UInt64, Creation)
  /// `client`: here and below the job's.
  case delete(ticket: UInt64, by: UInt64, client: Int64, id: JobID)
  case signal(ticket: UInt64, by: UInt64, client: Int64, id: JobID, signal: Int32, tree: Bool)
  case resize(ticket: UInt64, by: UInt64, client: Int64, id: JobID, rows: UInt16, columns: UInt16)
  /// `grace`: milliseconds between TERM and KILL; nil: as the job was created with. `queued`: only while it waits for a slot.
  case stop(ticket: UInt64, by: UInt64, client: Int64, id: JobID, grace: UInt64?, queued: Bool)
  /// Bytes for an open standard input, and whether it ends after them. `offset`: their place in all of the input, by
  /// which those that came before are known; nil: after all that came.
  /// `isFirst`: of the pieces of one request.
  case input(
    ticket: UInt64, by: UInt64, client: Int64, id: JobID, offset: UInt64?, bytes: [UInt8], isFirst: Bool,
    close: Bool)
  /// Tell of each piece of output from now on.
  case watch(id: JobID)
  case unwatch(id: JobID)
  /// Asked to drain, it has given all replies but those that follow output or events, which end with their jobs.
  case drained
  /// A sign of life, each second.
  case alive
  /// What those of these jobs use that run: at most ``mostIDs``.
  case usage(ticket: UInt64, ids: [JobID])
  /// What became of the results of jobs that are removed with their delivery (``Run/removes``): given to the client, or not.
  case delivered(client: Int64, ids: [JobID], isWhole: Bool)

  /// For the audit trail: what the role of who asks does not allow. `id`: of another client's job.
  case forbidden(ticket: UInt64, by: UInt64, Route, id: JobID?, reason: String)
  /// For the audit trail: a peer that was not let in.
  case notLetIn(Stranger)

  /// Jobs in one request.
  package static let mostIDs = 1000

  package struct Creation: Equatable, Sendable {
    package let plan: JobPlan
    /// Inline standard input.
    package let input: [UInt8]?
    /// ``Secrets`` as the message has them; the supervisor has them sealed, from the moment it takes the message on.
    package var secrets: [UInt8]?
    package var idempotency: Idempotency?
    /// The client waits for the job's end with the request that creates it; never with an idempotency key.
    package var run: Run?

    package init(
      _ plan: JobPlan, input: [UInt8]? = nil, secrets: [UInt8]? = nil, idempotency: Idempotency? = nil,
      run: Run? = nil
    ) {
      (self.plan, self.input, self.secrets) = (plan, input, secrets)
      (self.idempotency, self.run) = (idempotency, run)
    }

    /// Bytes beside the plan: held in memory until the job is launched, and stored while it waits for a slot.
    package var extraBytes: Int { (input?.count ?? 0) + (secrets?.count ?? 0) }
  }

  /// A creation that is answered with the job's end. Nothing is accepted before that, so that the job is launched while its
  /// creation is on the way to the disk.
  package struct Run: Equatable, Sendable {
    /// The job goes once its result is delivered (``ApiRequest/delivered(client:ids:isWhole:)``), and is not stored at all
    /// when it ends soon.
    package var removes: Bool
    /// The client is to know of the job as soon as there is one.
    package var isEarly: Bool

    /// Nobody is told of the job before its end is on disk.
    package var isAnsweredAtEnd: Bool { !removes && !isEarly }

    package init(removes: Bool, isEarly: Bool) { (self.removes, self.isEarly) = (removes, isEarly) }
  }

  /// A key of the client's choosing and a digest of the request it came with.
  package struct Idempotency: Equatable {
    package var key: String
    package var digest: [UInt8]
    /// Those that may be stored of the same request in place of it.
    package var earlier: [[UInt8]]

    package init(key: String, digest: [UInt8], earlier: [[UInt8]] = []) {
      (self.key, self.digest, self.earlier) = (key, digest, earlier)
    }
  }

  private enum Kind: UInt8 {
    case hello, create, delete, signal, stop, input, watch, unwatch, drained, alive, usage, delivered, peer,
      peerGone,
      forbidden, notLetIn, failed, resize
  }
}

extension ApiRequest {
  package func encode() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .hello: writer.put(Kind.hello.rawValue)
    case .failed(let why): writer.put(Kind.failed.rawValue, why)
    case .peer(let number, let peer): writer.put(Kind.peer.rawValue, number, peer)
    case .peerGone(let number): writer.put(Kind.peerGone.rawValue, number)
    case .create(let ticket, let by, let creation):
      let idempotency = creation.idempotency
      // In one piece of memory: one that grew would be copied, and a large one comes from the kernel each time.
      writer = ByteWriter(capacity: creation.plan.bytes.count + creation.extraBytes + 1024)
      writer.put(
        Kind.create.rawValue, ticket, by, creation.plan.bytes, creation.input, creation.secrets,
        idempotency != nil)
      if let idempotency {
        writer.put(idempotency.key, idempotency.digest, UInt32(idempotency.earlier.count))
        for digest in idempotency.earlier { writer.put(digest) }
      }
      writer.put(creation.run != nil)
      if let run = creation.run { writer.put(run.removes, run.isEarly) }
    case .delete(let ticket, let by, let client, let id):
      writer.put(Kind.delete.rawValue, ticket, by, client, id)
    case .signal(let ticket, let by, let client, let id, let signal, let tree):
      writer.put(Kind.signal.rawValue, ticket, by, client, id, signal, tree)
    case .resize(let ticket, let by, let client, let id, let rows, let columns):
      writer.put(Kind.resize.rawValue, ticket, by, client, id, rows, columns)
    case .stop(let ticket, let by, let client, let id, let grace, let queued):
      writer.put(Kind.stop.rawValue, ticket, by, client, id, grace ?? .max, queued)
    case .input(let ticket, let by, let client, let id, let offset, let bytes, let isFirst, let close):
      writer.put(Kind.input.rawValue, ticket, by, client, id, offset ?? .max, bytes, isFirst, close)
    case .watch(let id): writer.put(Kind.watch.rawValue, id)
    case .unwatch(let id): writer.put(Kind.unwatch.rawValue, id)
    case .drained: writer.put(Kind.drained.rawValue)
    case .alive: writer.put(Kind.alive.rawValue)
    case .usage(let ticket, let ids):
      writer.put(Kind.usage.rawValue, ticket, UInt32(ids.count))
      for id in ids { writer.put(id) }
    case .delivered(let client, let ids, let isWhole):
      writer.put(Kind.delivered.rawValue, client, UInt32(ids.count))
      for id in ids { writer.put(id) }
      writer.put(isWhole)
    case .forbidden(let ticket, let by, let route, let id, let reason):
      writer.put(Kind.forbidden.rawValue, ticket, by, route.rawValue, id, reason)
    case .notLetIn(let stranger): writer.put(Kind.notLetIn.rawValue, stranger)
    }
    return writer.bytes
  }
}

extension ApiRequest {
  /// Decodes a message of the api process. Everything is checked: a compromised sender can do no more than a
  /// client of any name could.
  package init(decoding bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard let kind = Kind(rawValue: try reader.integer()) else { throw MalformedBytes() }
    self = try Self.decode(kind, &reader)
    try reader.end()
  }

  private static func decode(_ kind: Kind, _ reader: inout ByteReader) throws(MalformedBytes) -> ApiRequest {
    switch kind {
    case .hello:
      return .hello
    case .failed:
      return .failed(try reader.string())
    case .peer:
      return .peer(number: try reader.integer(), try Peer(from: &reader))
    case .peerGone:
      return .peerGone(number: try reader.integer())
    case .create:
      return .create(ticket: try reader.integer(), by: try reader.integer(), try creation(&reader))
    case .delete:
      return .delete(
        ticket: try reader.integer(), by: try reader.integer(), client: try reader.integer(),
        id: try reader.id())
    case .signal:
      return .signal(
        ticket: try reader.integer(), by: try reader.integer(), client: try reader.integer(),
        id: try reader.id(),
        signal: try reader.integer(), tree: try reader.bool())
    case .resize:
      return .resize(
        ticket: try reader.integer(), by: try reader.integer(), client: try reader.integer(),
        id: try reader.id(), rows: try length(&reader), columns: try length(&reader))
    case .stop:
      return .stop(
        ticket: try reader.integer(), by: try reader.integer(), client: try reader.integer(),
        id: try reader.id(),
        grace: try reader.optionalDuration(), queued: try reader.bool())
    case .input:
      return .input(
        ticket: try reader.integer(), by: try reader.integer(), client: try reader.integer(),
        id: try reader.id(),
        offset: try reader.optionalInteger(), bytes: try reader.array(), isFirst: try reader.bool(),
        close: try reader.bool())
    case .watch:
      return .watch(id: try reader.id())
    case .unwatch:
      return .unwatch(id: try reader.id())
    case .drained:
      return .drained
    case .alive:
      return .alive
    case .usage:
      return .usage(ticket: try reader.integer(), ids: try ids(&reader))
    case .delivered:
      return .delivered(
        client: try reader.integer(), ids: try ids(&reader), isWhole: try reader.bool())
    case .forbidden:
      return .forbidden(
        ticket: try reader.integer(), by: try reader.integer(), try route(&reader),
        id: try reader.bool() ? try reader.id() : nil, reason: try reader.string())
    case .notLetIn:
      return .notLetIn(try Stranger(from: &reader))
    }
  }

  /// Of a terminal.
  private static func length(_ reader: inout ByteReader) throws(MalformedBytes) -> UInt16 {
    let length: UInt16 = try reader.integer()
    guard length > 0 else { throw MalformedBytes() }
    return length
  }

  private static func ids(_ reader: inout ByteReader) throws(MalformedBytes) -> [JobID] {
    let count = try reader.count(ofSize: 16)
    guard count <= mostIDs else { throw MalformedBytes() }
    var ids: [JobID] = []
    for _ in 0..<count { ids.append(try reader.id()) }
    return ids
  }

  private static func route(_ reader: inout ByteReader) throws(MalformedBytes) -> Route {
    guard let route = Route(rawValue: try reader.string()) else { throw MalformedBytes() }
    return route
  }

  private static func creation(_ reader: inout ByteReader) throws(MalformedBytes) -> Creation {
    let plan = try JobPlan(checking: reader.view())
    let input = try reader.bool() ? try reader.array() : nil
    let secrets = try reader.bool() ? try secrets(&reader) : nil
    let idempotency = try reader.bool() ? try idempotency(&reader) : nil
    let run = try reader.bool() ? Run(removes: try reader.bool(), isEarly: try reader.bool()) : nil
    guard idempotency == nil || run == nil, input == nil || plan.terminal == nil else {
      throw MalformedBytes()
    }
    return Creation(plan, input: input, secrets: secrets, idempotency: idempotency, run: run)
  }

  private static func secrets(_ reader: inout ByteReader) throws(MalformedBytes) -> [UInt8] {
    let bytes = try reader.view()
    _ = try Secrets(checking: bytes)
    return [UInt8](bytes)
  }

  private static func idempotency(_ reader: inout ByteReader) throws(MalformedBytes) -> Idempotency {
    var idempotency = Idempotency(key: try reader.string(), digest: try reader.array())
    for _ in 0..<(try reader.count(ofSize: 4)) { idempotency.earlier.append(try reader.array()) }
    guard idempotency.key.utf8.count <= 260, idempotency.earlier.count <= 1,
      (idempotency.earlier + [idempotency.digest]).allSatisfy({ $0.count == 32 })
    else { throw MalformedBytes() }
    return idempotency
  }
}
