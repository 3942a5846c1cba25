import JobAPI

/// What the supervisor tells the api process: answers to requests, and every change of a job once it is on disk.
package enum SupervisorEvent {
  /// The first message: what the api process needs to start. `hostLimits`: members of a job's limits that this host
  /// enforces.
  case welcome(configuration: [UInt8], hostLimits: [String])
  /// All running jobs have been told: connections may be accepted.
  case ready
  /// Stop accepting, finish the running replies, exit. The second one: no job runs any more, events end too.
  case drain
  /// Another process has taken the place of this one: the same, with those at once whose clients are not let in any more
  /// by these authorities and revocation lists, PEM. None: as before.
  case retire(authorities: [UInt8], revocations: [UInt8], isPartial: Bool)
  case client(id: Int64, name: String)
  /// A new or changed job. `pid` is 0 unless its process runs.
  case job(JobRecord, pid: Int32)
  case deleted(id: JobID)
  /// More output of a watched job is on file.
  case output(id: JobID, progress: OutputProgress)
  /// The answer to a create: the job, perhaps one that an earlier request with the same key made.
  case created(ticket: UInt64, id: JobID)
  /// To a ``ApiRequest/Run`` that is early: the job, which is not in the store yet. Another answer follows:
  /// ``created(ticket:id:)`` once it is, or ``ran(ticket:_:_:)``.
  case launched(ticket: UInt64, id: JobID)
  /// To a ``ApiRequest/Run`` that removes: the job ended before it was stored, and this is all of it.
  case ran(ticket: UInt64, JobRecord, HeldOutput)
  /// The answer to any other request that was carried out.
  case done(ticket: UInt64)
  /// The answer to a request that was not carried out.
  case refused(ticket: UInt64, Refusal)
  /// New events of these clients are in the store.
  case events(clients: [Int64])
  /// The answer to ``ApiRequest/usage(ticket:client:ids:)``: of those that run.
  case usage(ticket: UInt64, [JobUsage])

  private enum Kind: UInt8 {
    case welcome, ready, drain, client, job, deleted, output, created, done, refused, events, retire, usage,
      launched, ran
  }
}

/// The output of a job that was not stored, with the index of its pieces (``OutputIndex``).
package struct HeldOutput: Equatable, Sendable {
  package var stdout: [UInt8]
  package var stderr: [UInt8]
  package var index: [UInt8]

  package init(stdout: [UInt8], stderr: [UInt8], index: [UInt8]) {
    (self.stdout, self.stderr, self.index) = (stdout, stderr, index)
  }

  package subscript(stream: OutputStream) -> [UInt8] { stream == .stdout ? stdout : stderr }
}

/// How far the output of a running job is on file.
package struct OutputProgress: Equatable, Sendable {
  package var stdout: UInt64 = 0
  package var stderr: UInt64 = 0
  /// Pieces of its index that are in the index file; the last of them may still become longer.
  package var pieces: UInt64 = 0

  package init(stdout: UInt64 = 0, stderr: UInt64 = 0, pieces: UInt64 = 0) {
    (self.stdout, self.stderr, self.pieces) = (stdout, stderr, pieces)
  }
}

extension SupervisorEvent {
  package func encode() -> [UInt8] {
    var writer = ByteWriter(capacity: 128)
    switch self {
    case .welcome(let configuration, let hostLimits):
      writer.put(Kind.welcome.rawValue, configuration, UInt32(hostLimits.count))
      for limit in hostLimits { writer.put(limit) }
    case .ready: writer.put(Kind.ready.rawValue)
    case .drain: writer.put(Kind.drain.rawValue)
    case .retire(let authorities, let revocations, let isPartial):
      writer.put(Kind.retire.rawValue, authorities, revocations, isPartial)
    case .client(let id, let name): writer.put(Kind.client.rawValue, id, name)
    case .job(let record, let pid): writer.put(Kind.job.rawValue, record, pid)
    case .deleted(let id): writer.put(Kind.deleted.rawValue, id)
    case .output(let id, let progress):
      writer.put(Kind.output.rawValue, id, progress.stdout, progress.stderr, progress.pieces)
    case .created(let ticket, let id): writer.put(Kind.created.rawValue, ticket, id)
    case .launched(let ticket, let id): writer.put(Kind.launched.rawValue, ticket, id)
    case .ran(let ticket, let record, let output):
      writer.put(Kind.ran.rawValue, ticket, record, output.stdout, output.stderr, output.index)
    case .done(let ticket): writer.put(Kind.done.rawValue, ticket)
    case .refused(let ticket, let refusal):
      writer.put(Kind.refused.rawValue, ticket, refusal.reason.rawValue, refusal.text)
    case .events(let clients):
      writer.put(Kind.events.rawValue, UInt32(clients.count))
      for client in clients { writer.put(client) }
    case .usage(let ticket, let jobs):
      writer.put(Kind.usage.rawValue, ticket, UInt32(jobs.count))
      for job in jobs { writer.put(job) }
    }
    return writer.bytes
  }

  package init(decoding bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard let kind = Kind(rawValue: try reader.integer()) else { throw MalformedBytes() }
    self = try Self.decode(kind, &reader)
    try reader.end()
  }

  private static func decode(_ kind: Kind, _ reader: inout ByteReader) throws(MalformedBytes)
    -> SupervisorEvent
  {
    switch kind {
    case .welcome:
      return .welcome(configuration: try reader.array(), hostLimits: try texts(&reader))
    case .ready: return .ready
    case .drain: return .drain
    case .retire:
      return .retire(
        authorities: try reader.array(), revocations: try reader.array(), isPartial: try reader.bool())
    case .client: return .client(id: try reader.integer(), name: try reader.string())
    case .job: return .job(try JobRecord(from: &reader), pid: try reader.integer())
    case .deleted: return .deleted(id: try reader.id())
    case .output: return .output(id: try reader.id(), progress: try OutputProgress(from: &reader))
    case .created: return .created(ticket: try reader.integer(), id: try reader.id())
    case .launched: return .launched(ticket: try reader.integer(), id: try reader.id())
    case .ran:
      return .ran(
        ticket: try reader.integer(), try JobRecord(from: &reader),
        HeldOutput(stdout: try reader.array(), stderr: try reader.array(), index: try reader.array()))
    case .done: return .done(ticket: try reader.integer())
    case .refused:
      let ticket: UInt64 = try reader.integer()
      guard let reason = Refusal.Reason(rawValue: try reader.integer()) else { throw MalformedBytes() }
      return .refused(ticket: ticket, Refusal(reason: reason, text: try reader.string()))
    case .events:
      var clients: [Int64] = []
      for _ in 0..<(try reader.integer(UInt32.self)) { clients.append(try reader.integer()) }
      return .events(clients: clients)
    case .usage:
      let ticket: UInt64 = try reader.integer()
      var jobs: [JobUsage] = []
      for _ in 0..<(try reader.integer(UInt32.self)) { jobs.append(try JobUsage(from: &reader)) }
      return .usage(ticket: ticket, jobs)
    }
  }
}

extension SupervisorEvent {
  private static func texts(_ reader: inout ByteReader) throws(MalformedBytes) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try reader.count(ofSize: 4)) { texts.append(try reader.string()) }
    return texts
  }
}

extension OutputProgress {
  fileprivate init(from reader: inout ByteReader) throws(MalformedBytes) {
    self.init(stdout: try reader.integer(), stderr: try reader.integer(), pieces: try reader.integer())
  }
}
