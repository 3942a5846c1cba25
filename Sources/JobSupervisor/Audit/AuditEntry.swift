import JobAPI
import Platform

/// One event of the audit trail (docs/audit.md). Nothing of a job's environment, secrets or input has a place in it.
struct AuditEntry: Sendable, Equatable {
  enum Event: String, Sendable {
    case create, stop, signal, input, delete, refused, handshake, configuration
    /// Lines that could not be written were given up.
    case gap
  }

  /// Who was shown to the daemon, by certificate and address.
  struct Subject: Sendable, Equatable {
    var client, role, serial, fingerprint, address: String?
    /// The common name of a certificate that was not let in.
    var shownName: String?
  }

  let event: Event
  /// Microseconds since 1970.
  var time: Int64
  /// Why it was not carried out; nil: it was.
  var failure: String?
  var subject = Subject()
  var job: JobID?
  /// Whose job it is, where that is another client.
  var owner: String?
  /// The request that was refused, as `POST /jobs`, or why the configuration was read.
  var request, cause: String?
  /// A job's command and arguments.
  var command: [String] = []
  var runner, user, traceparent: String?
  /// The job goes with its delivery.
  var removes = false
  var signal: Int32?
  /// Milliseconds between TERM and KILL.
  var grace: UInt64?
  /// Events that this one stands for.
  var count: Int?
  /// Lines that were given up.
  var lost: Int?

  init(_ event: Event, at time: Int64 = Clock.microseconds()) { (self.event, self.time) = (event, time) }

  /// One line of JSON, with its end.
  var line: [UInt8] {
    var line = JSONObjectLine()
    line.add("time", TimeText.text(time))
    line.add("event", event.rawValue)
    if event != .gap { line.add("outcome", failure == nil ? "success" : "failure") }
    line.add("reason", failure)
    line.add("client", subject.client)
    line.add("role", subject.role)
    line.add("shown_name", subject.shownName)
    line.add("serial", subject.serial)
    line.add("fingerprint", subject.fingerprint)
    line.add("address", subject.address)
    line.add("job", job.map { "\($0)" })
    line.add("owner", owner)
    line.add("request", request)
    line.add("cause", cause)
    if !command.isEmpty { line.add("command", command) }
    line.add("runner", runner)
    line.add("user", user)
    if removes { line.add("rm", true) }
    line.add("signal", signal.map(Int.init))
    line.add("signal_name", signal.flatMap(SignalName.init(number:)).map { "\($0)" })
    line.add("grace", grace.map { Units.time.print(Int64(clamping: $0)) })
    line.add("traceparent", traceparent)
    line.add("count", count)
    line.add("lost", lost)
    return line.finish()
  }
}
