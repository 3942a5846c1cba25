import JobAPI
import JobLoop
import JobModel
import Platform

/// What the audit trail is told of, and the answers that wait for their lines. Supervisor's thread only.
final class AuditTrail {
  /// One that is not answered yet.
  private struct Request {
    var entry: AuditEntry
    /// The id of the job that it is to create.
    var newJob: JobID?
    /// A line says that it is carried out.
    var isTold = false
    /// The line that its answers wait for; why that of a creation is not on disk.
    var line: UInt64?
    var loss: String?
    /// It was answered with that.
    var isRefused = false
    var answers: [SupervisorEvent] = []

    /// By what is known so far.
    var isCreated: Bool { entry.event == .create && entry.failure == nil }
  }

  private var writer: AuditWriter!
  private let place: AuditPlace
  private let isRequired: Bool
  private var requests: [Caller: Request] = [:]
  /// Whose answers wait for a line.
  private var callers: [UInt64: Caller] = [:]
  private var lastLine: UInt64 = 0
  private var failures: AuditFailures!
  private let send: (SupervisorEvent, Caller) -> Void
  private let undelivered: (JobID, Peer, Caller) -> Void

  /// Milliseconds for a predecessor to vanish.
  private static let patience = 5000

  /// `mayFail`: it is opened later where it cannot be now. `send` answers a request; `undelivered` is told of a job with
  /// whose result its client is not answered.
  init(
    _ supervisor: Supervisor, _ place: AuditPlace, mayFail: Bool,
    send: @escaping (SupervisorEvent, Caller) -> Void,
    undelivered: @escaping (JobID, Peer, Caller) -> Void
  ) throws {
    (self.place, isRequired) = (place, supervisor.configuration.auditRequired)
    (self.send, self.undelivered) = (send, undelivered)
    let target = try Self.open(place, mayFail: mayFail)
    writer = try AuditWriter(
      target, log: supervisor.log, open: { try place.open() },
      onCompleted: { [unowned supervisor] outcomes in
        supervisor.loop.post { supervisor.audit?.completed(outcomes) }
      }, onFailure: { [counts = supervisor.counts] in counts.add(.auditFailures) })
    failures = try AuditFailures(supervisor.loop) { [unowned self] in self.tell($0) }
  }

  private static func open(_ place: AuditPlace, mayFail: Bool) throws -> (any AuditTarget)? {
    do {
      return try place.open(patience: patience)
    } catch {
      guard mayFail else { throw error }
      return nil
    }
  }

  /// Why no job is created now.
  var refusal: Refusal? {
    guard isRequired, let failure = writer.failure else { return nil }
    return Refusal(reason: .noSpace, text: "the audit trail cannot be written: \(failure)")
  }

  func tell(_ entry: AuditEntry) { writer.write(entry) }
  func reopen() { writer.reopen() }
  /// Returns when all lines are written, or cannot be.
  func close() {
    failures.tell()
    writer.close()
  }

  /// A request came. `name`: of a client by its number.
  func begin(_ request: ApiRequest, by child: ApiChild, name: (Int64) -> String?) throws(MalformedBytes) {
    guard let asked = AuditEntry.of(request) else { return }
    let peer = try child.peer(asked.by)
    var entry = asked.entry
    entry.peer = peer
    if let owner = asked.owner.flatMap(name), !owner.isSame(as: peer.name) { entry.owner = owner }
    requests[Caller(child: child.number, ticket: asked.ticket)] = Request(entry: entry)
  }

  /// The job of a creation gets this id, if it gets one.
  func note(_ id: JobID, of caller: Caller) { requests[caller]?.newJob = id }

  /// It is being carried out, which may take long: a line says so now, unless it was answered.
  func isUnderWay(_ caller: Caller) {
    guard var request = requests[caller], !request.isTold, request.answers.isEmpty else { return }
    request.entry.job = request.newJob ?? request.entry.job
    write(&request, for: caller)
    requests[caller] = request
  }

  /// Sends an answer once the line is written; that of a creation when it is on disk.
  func answer(_ caller: Caller, _ event: SupervisorEvent) {
    guard var request = requests[caller] else { return send(event, caller) }
    let refusal = event.refusal
    // A job that was created, and deleted by somebody meanwhile, has the line that it was.
    if !request.isTold || refusal != nil && refusal != JobBook.deleted {
      request.entry.failure = refusal?.text ?? request.entry.failure
      if let id = event.job {
        request.entry.job = id
        request.entry.isRepeated = id != request.newJob
      }
      if failures.takes(request.entry) { request.isTold = true } else { write(&request, for: caller) }
    }
    request.answers.append(event)
    requests[caller] = request
    if request.line == nil { release(caller) }
  }

  private func write(_ request: inout Request, for caller: Caller) {
    lastLine += 1
    callers[lastLine] = caller
    request.line = lastLine
    request.isTold = true
    writer.write(request.entry, number: lastLine, isDurable: request.isCreated)
  }

  private func completed(_ outcomes: [AuditWriter.Outcome]) {
    for (number, error) in outcomes {
      guard let caller = callers.removeValue(forKey: number), var request = requests[caller],
        request.line == number
      else { continue }
      request.line = nil
      if request.isCreated, isRequired { request.loss = error }
      requests[caller] = request
      release(caller)
    }
  }

  /// What the line was waited for with.
  private func release(_ caller: Caller) {
    guard var request = requests[caller] else { return }
    let answers = request.answers
    request.answers = []
    for event in answers {
      if request.loss != nil { refuse(event, &request, caller) } else { send(event, caller) }
      if event.isLast {
        requests[caller] = nil
        return
      }
    }
    requests[caller] = request
  }

  /// The job was created, and that cannot be undone.
  private func refuse(_ event: SupervisorEvent, _ request: inout Request, _ caller: Caller) {
    guard let id = event.job, let peer = request.entry.peer, let loss = request.loss else {
      return send(event, caller)
    }
    if !request.isRefused {
      let text = "the job \(id) was created, and the audit trail does not say so: \(loss)"
      send(.refused(ticket: caller.ticket, Refusal(reason: .noSpace, text: text)), caller)
      request.isRefused = true
    }
    if event.isLast { undelivered(id, peer, caller) }
  }

  /// An api process is gone: what is under way is not answered any more.
  func forget(child: Int) {
    requests = requests.filter { caller, request in caller.child != child || !request.isTold }
  }
}

extension SupervisorEvent {
  fileprivate var refusal: Refusal? { if case .refused(_, let refusal) = self { refusal } else { nil } }
  /// No other answer to the same request follows.
  fileprivate var isLast: Bool { if case .launched = self { false } else { true } }
  /// That was created.
  fileprivate var job: JobID? {
    switch self {
    case .created(_, let id), .launched(_, let id): id
    case .ran(_, let record, _): record.id
    default: nil
    }
  }
}
