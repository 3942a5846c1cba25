import Glibc
import JobAPI
import JobClient

extension Command {
  static let stop = Command(
    name: "stop", summary: "Ends jobs: TERM, a time of grace, KILL. Records and output are kept.",
    arguments: "ID...",
    count: 1...Int.max,
    options: [Option("grace", value: "TIME", "The time between TERM and KILL; 0s kills at once."), .json],
    examples: [("jobctl stop --grace 2s $id", "returns when the job has ended")]
  ) { invocation in
    let client = try Settings.client(invocation)
    let grace =
      invocation.value("grace") == "0s" ? DurationText(milliseconds: 0) : try invocation.duration("grace")
    for name in invocation.arguments {
      let id = try JobName.id(name, client)
      let status = try client.stop(id, StopRequest(grace: grace))
      try invocation.wantsJSON()
        ? Terminal.print(json: status) : Terminal.print("\(id) \(StatusText.line(status))\n")
    }
    return 0
  }

  static let signal = Command(
    name: "signal", summary: "Sends a signal to a job.", arguments: "SIGNAL ID...", count: 2...Int.max,
    options: [Option("tree", "To all of the job's processes, not the first alone.")],
    examples: [("jobctl signal HUP $id", "by name or number")]
  ) { invocation in
    let client = try Settings.client(invocation)
    guard let name = SignalName(invocation.arguments[0]) else {
      throw invocation.usage("\"\(invocation.arguments[0])\" must be \(SignalName.allowed)")
    }
    for job in invocation.arguments.dropFirst() {
      try client.signal(
        try JobName.id(job, client), SignalRequest(signal: name, tree: invocation.has("tree") ? true : nil))
    }
    return 0
  }

  static let rm = Command(
    name: "rm", summary: "Deletes jobs that have ended; with --force running ones too.", arguments: "ID...",
    count: 0...Int.max,
    options: [
      Option("all-finished", "All jobs that have ended."), Option("force", short: "f", "Running jobs too."),
    ],
    examples: [
      ("jobctl rm $a $b", "removes both"), ("jobctl rm --all-finished", "leaves only what runs"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    if invocation.has("all-finished") {
      guard invocation.arguments.isEmpty else { throw invocation.usage("--all-finished needs no ids") }
      try Terminal.print("removed \(try RmCommand.allFinished(client)) jobs\n")
      return 0
    }
    guard !invocation.arguments.isEmpty else { throw invocation.usage("expected ID... or --all-finished") }
    for name in invocation.arguments {
      let id = try JobName.id(name, client)
      if !invocation.has("force"), try client.status(id).status == .running {
        throw invocation.usage("\(name) still runs: stop it first, or give --force")
      }
      try client.delete(id)
    }
    return 0
  }
}

private enum RmCommand {
  /// Page after page: those that went do not come again.
  static func allFinished(_ client: JobClient) throws -> Int {
    var count = 0
    for state in [JobState.completed, .error] {
      var cursor: String?
      repeat {
        let page = try client.list(["state": state.rawValue, "limit": "1000", "cursor": cursor])
        for job in page.jobs {
          do { try client.delete(job.id) } catch ClientError.notFound {}
          count += 1
        }
        cursor = page.next
      } while cursor != nil
    }
    return count
  }
}
