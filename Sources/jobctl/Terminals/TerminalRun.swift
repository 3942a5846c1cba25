import JobClient

/// `jobctl run --tty`.
struct TerminalRun {
  private let invocation: Invocation
  private let settings: Settings

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    if invocation.has("no-stdin") { throw invocation.usage("--tty excludes --no-stdin: keys are the job's") }
    if invocation.wantsJSON { throw invocation.usage("--tty excludes --output json") }
    try TerminalRequest.requireLocal(
      invocation,
      instead: "leave out --tty, or start the job with \"jobctl start --tty\" and attach to it later")
    settings = try Settings(invocation)
  }

  func run() throws -> Int32 {
    let client = try settings.client()
    let bridge = Bridge(client)
    let request = try JobOptions.request(invocation, settings)
    let key = IdempotencyKey.fresh()
    // Whoever ends jobctl now is told which job it is that goes on, once the daemon has said so.
    TerminalSignals.holdEnding()
    let id = try bridge.call { try client.create(request, key: key) }
    let attached = try TerminalAttachment.begin(client, id, invocation.detachKeys)
    let status = try TerminalAttachment.naming(id) {
      try SlotNotice.tell(client.settings, id) { attached.say($0) }
      return try attached.follow(client)
    }
    if invocation.has("rm") { try bridge.call { try client.deleteOnce(id) } }
    return TerminalAttachment.exitStatus(status, invocation.arguments, attached)
  }
}

/// What `run` and `attach` do alike.
enum TerminalAttachment {
  static func begin(_ client: JobClient, _ id: JobID, _ keys: DetachKeys) throws -> AttachedTerminal {
    try naming(id) { try AttachedTerminal(client.settings, id, leftBy: keys) }
  }

  /// Says how the job is found again, when it goes on without jobctl.
  static func naming<Result>(_ id: JobID, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch ClientError.notFound {
      throw JobEnd.deleted(id)
    } catch {
      let isRefused = (error as? ClientError).map { !$0.isTransient } ?? false
      // The daemon says why not.
      Terminal.complain(
        "jobctl: \(isRefused ? "" : "lost sight of it; ")\(AttachedTerminal.goesOn(id, isKnown: isRefused))")
      throw error
    }
  }

  /// `words`: the job's command and its arguments.
  static func exitStatus(_ status: StatusReply, _ words: [String], _ attached: AttachedTerminal) -> Int32 {
    if !JobEnd.lines(status, words).isEmpty { attached.beginLine() }
    return JobEnd.exitStatus(status, words)
  }
}

extension JobClient {
  /// A retried deletion may find the job gone.
  func deleteOnce(_ id: JobID) throws {
    do { try delete(id) } catch ClientError.notFound {}
  }
}
