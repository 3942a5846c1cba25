import JobAPI
import JobModel
import Platform

/// One event of the audit trail (docs/audit.md). Nothing of a job's environment, secrets or input has a place in it.
struct AuditEntry: Sendable, Equatable {
  enum Event: String, Sendable {
    case create, stop, signal, input, delete, refused, handshake, configuration
    /// Lines that could not be written were given up.
    case gap
  }

  let event: Event
  /// Microseconds since 1970.
  var time: Int64
  /// Why it was not carried out; nil: it was.
  var failure: String?
  /// Who asked.
  var peer: Peer?
  /// Who was not let in, with the name and serial number of the certificate that it showed.
  var stranger: Stranger?
  var job: JobID?
  /// Whose job it is, where that is another client.
  var owner: String?
  /// The request that was refused.
  var route: Route?
  /// What had the configuration read.
  var cause: String?
  /// A job's command and arguments.
  var command: [String] = []
  var runner, user, group, traceparent: String?
  /// The job goes with its delivery; it was created before, with the same idempotency key.
  var removes = false
  var isRepeated = false
  var signal: Int32?
  /// Milliseconds between TERM and KILL.
  var grace: UInt64?
  /// Lines that were given up.
  var lost: Int?
  /// How many requests it stands for.
  var count: Int?

  init(_ event: Event, at time: Int64 = Clock.microseconds()) { (self.event, self.time) = (event, time) }

  /// One line of JSON, with its end.
  var line: [UInt8] {
    var line = JSONObjectLine()
    line.add("time", TimeText.text(time))
    line.add("event", event.rawValue)
    if event != .gap { line.add("outcome", failure == nil ? "success" : "failure") }
    line.add("reason", failure)
    addPeer(to: &line)
    line.add("job", job.map { "\($0)" })
    line.add("owner", owner)
    line.add("request", route?.rawValue)
    line.add("cause", cause)
    addCommand(to: &line)
    line.add("runner", runner)
    line.add("user", user)
    line.add("group", group)
    if removes { line.add("rm", true) }
    if isRepeated { line.add("repeated", true) }
    line.add("signal", signal.map(Int.init))
    line.add("signal_name", signal.flatMap(SignalName.init(number:)).map { "\($0)" })
    line.add("grace", grace.map { Units.time.print(Int64(clamping: $0)) })
    line.add("traceparent", traceparent)
    line.add("count", stranger.map { Int($0.count) } ?? count)
    line.add("lost", lost)
    return line.finish()
  }

  /// Bytes of a command that is told: a line fits into the room that is kept for it. Of one that was refused, which cost its
  /// sender nothing, less.
  private static let mostOfCommand = 64 << 10
  private static let mostOfRefused = 1024

  private func addCommand(to line: inout JSONObjectLine) {
    guard !command.isEmpty else { return }
    var left = failure == nil ? Self.mostOfCommand : Self.mostOfRefused
    var words: [String] = []
    for word in command where left > 0 {
      words.append(word.utf8.count <= left ? word : String(decoding: word.utf8.prefix(left), as: UTF8.self))
      left -= word.utf8.count
    }
    line.add("command", words)
    if left < 0 || words.count < command.count { line.add("command_cut", true) }
  }

  private func addPeer(to line: inout JSONObjectLine) {
    line.add("client", peer?.name)
    line.add("role", peer?.role.rawValue)
    line.add("shown_name", stranger?.name)
    line.add("serial", peer?.serial ?? stranger?.serial)
    line.add("fingerprint", peer?.fingerprint)
    line.add("address", peer?.address ?? stranger?.address)
  }
}
