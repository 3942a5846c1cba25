import JobClient
import Platform

extension Command {
  static let wait = Command(
    name: "wait", summary: "Waits for jobs to end; fails when one of them did.", operands: .optionalJobs,
    options: [
      JobSelection.option("All jobs, ended or not"),
      Option("any", "Returns when the first of them has ended."),
      Option("timeout", .duration(), "Gives up after this time, with exit status 124."), .json,
    ] + JobSelection.clients,
    details: """
      The exit status is that of the first named job that failed (with --filter or --client of the oldest): its exit code; 124 when its time limit ended it and
      it exited with 0; 127 when its command was not found, 126 when it could not be executed, 125 for any other one in
      state error. With --any it is that of the job that ended.
      """,
    examples: [
      ("jobctl wait $a $b && echo both succeeded", "waits for all"),
      (
        "jobctl wait --filter label=stage=build",
        "waits for all that have a label, those that have ended among them"
      ),
      ("jobctl wait --any --timeout 1m $a $b", "waits for one of them, a minute at most"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let waiting = try WaitCommand(invocation, client)
    return try invocation.has("any") ? waiting.any() : waiting.all()
  }
}

private struct WaitCommand {
  private let invocation: Invocation
  private let client: JobClient
  private let bridge: Bridge
  private let ids: [JobID]
  private let deadline: Deadline?

  init(_ invocation: Invocation, _ client: JobClient) throws {
    (self.invocation, self.client, bridge) = (invocation, client, Bridge(client))
    deadline = invocation.duration("timeout").map { Deadline(after: $0.milliseconds) }
    let names = try JobSelection.names(invocation, otherwise: [])
    ids = try (JobSelection.isSelection(invocation) ? names.reversed() : names).map { name in
      try JobName.naming(name) { try JobName.id(name, client) }
    }
  }

  func all() throws -> Int32 {
    var first: Int32 = 0
    for id in ids {
      let end = try JobName.naming("\(id)") { try client.end(of: id, within: deadline?.left, bridge) }
      guard let status = end else { throw timeIsUp }
      let code = try report(id, status)
      if first == 0 { first = code }
    }
    return first
  }

  /// Events tell which of them ends first.
  func any() throws -> Int32 {
    guard !ids.isEmpty else { return 0 }
    do {
      return try bridge.call { try watch() }
    } catch let ended as EndedJob {
      return try report(ended.id, ended.result)
    }
  }

  /// Throws the job that ended.
  private func watch() throws -> Never {
    var (settings, silence) = (client.settings, UInt32(0))
    if let left = deadline?.left {
      guard left > 0 else { throw timeIsUp }
      silence = UInt32(clamping: left)
      if settings.replyTimeout == 0 || left < settings.replyTimeout {
        settings.replyTimeout = silence
      }
    }
    let owner = try owner()
    try JobClient(settings).events(
      of: owner, after: "now", follows: true, silence: silence, begin: lookAtAll
    ) { event in
      if ids.contains(event.id) {
        if let status = event.status { throw EndedJob(id: event.id, result: status) }
        if event.event == .deleted { throw UnknownJob(name: "\(event.id)") }
      }
      if deadline?.left == 0 { throw timeIsUp }
    }
    throw ClientError.closed("the server ended the events")
  }

  /// Whose jobs they are; nil: one's own, or a role that is not told.
  private func owner() throws -> String? {
    guard let first = try JobName.naming("\(ids[0])", { try client.detail(ids[0]) }).client else {
      return nil
    }
    for id in ids where try JobName.naming("\(id)", { try client.detail(id) }).client != first {
      throw invocation.usage("--any takes the jobs of one client")
    }
    return first
  }

  /// Once events are told: a job that ends between the two is not missed.
  private func lookAtAll() throws {
    bridge.reached()
    for id in ids {
      let status = try JobName.naming("\(id)") { try client.status(id) }
      if status.status != .running { throw EndedJob(id: id, result: status) }
    }
  }

  private var timeIsUp: TimeIsUp { TimeIsUp(description: "the jobs have not ended in that time") }

  /// What the job makes jobctl exit with.
  private func report(_ id: JobID, _ status: StatusReply) throws -> Int32 {
    try EndedJob(id: id, result: status).print(invocation)
    return ExitCode.of(status)
  }
}
