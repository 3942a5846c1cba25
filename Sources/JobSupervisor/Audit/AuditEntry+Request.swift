import JobAPI
import JobModel

extension AuditEntry {
  /// What the audit trail is told of a request, and who made it about whose job.
  struct Asked {
    var entry: AuditEntry
    let ticket, by: UInt64
    /// The number of the client whose job it is.
    var owner: Int64?
  }

  /// Nil: nothing is told of such a request.
  static func of(_ request: ApiRequest) -> Asked? {
    switch request {
    case .create(let ticket, let by, let creation):
      return Asked(entry: AuditEntry(creation), ticket: ticket, by: by)
    case .delete(let ticket, let by, let client, let id):
      return Asked(entry: AuditEntry(.delete, id), ticket: ticket, by: by, owner: client)
    case .signal(let ticket, let by, let client, let id, let signal, _):
      var entry = AuditEntry(.signal, id)
      entry.signal = signal
      return Asked(entry: entry, ticket: ticket, by: by, owner: client)
    case .stop(let ticket, let by, let client, let id, let grace, _):
      var entry = AuditEntry(.stop, id)
      entry.grace = grace
      return Asked(entry: entry, ticket: ticket, by: by, owner: client)
    case .input(let ticket, let by, let client, let id, _, _, let isFirst, _):
      guard isFirst else { return nil }
      return Asked(entry: AuditEntry(.input, id), ticket: ticket, by: by, owner: client)
    case .forbidden(let ticket, let by, let route, let id, let reason):
      var entry = AuditEntry(.refused, id)
      (entry.route, entry.failure) = (route, reason)
      return Asked(entry: entry, ticket: ticket, by: by)
    case .hello, .failed, .peer, .peerGone, .resize, .watch, .unwatch, .drained, .alive, .usage, .delivered,
      .notLetIn:
      return nil
    }
  }

  private init(_ event: Event, _ id: JobID?) {
    self.init(event)
    job = id
  }

  private init(_ creation: ApiRequest.Creation) {
    let plan = creation.plan
    self.init(.create)
    (command, runner, user, group) = (plan.command, plan.runner, plan.user, plan.group)
    traceparent = plan.traceparent?.text
    removes = creation.run?.removes == true
  }

  init(_ stranger: Stranger) {
    self.init(.handshake)
    (self.stranger, failure) = (stranger, stranger.reason)
  }

  /// `failure`: why it is not in force.
  init(configuration cause: String, failure: String? = nil) {
    self.init(.configuration)
    (self.cause, self.failure) = (cause, failure)
  }
}
