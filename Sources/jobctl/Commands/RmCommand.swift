import JobClient

extension Command {
  static let rm = Command(
    name: "rm", summary: "Deletes jobs that have ended; with --force running ones too.",
    operands: .optionalJobs,
    options: [
      Option("all-finished", "All jobs that have ended."),
      Option("force", short: "f", "Running jobs too: they are killed."), .json,
    ],
    examples: [
      ("jobctl rm $a $b", "removes both"), ("jobctl rm --all-finished", "leaves only what runs"),
    ]
  ) { invocation in
    if invocation.has("all-finished") {
      guard invocation.arguments.isEmpty, !invocation.has("force") else {
        throw invocation.usage("--all-finished excludes ids and --force")
      }
      return try RmCommand.allFinished(invocation)
    }
    guard !invocation.arguments.isEmpty else { throw invocation.usage("expected ID... or --all-finished") }
    return try EachJob.change(invocation.arguments, invocation) { client, id in
      if !invocation.has("force"), try client.status(id).status == .running {
        throw ClientError.status(409, "it still runs: stop it first, or give --force", retryAfter: nil)
      }
      try client.delete(id)
    }
  }
}

private enum RmCommand {
  static func allFinished(_ invocation: Invocation) throws -> Int32 {
    let client = try Settings.client(invocation)
    var count = 0
    for state in [JobState.completed, .error] {
      try JobPages(client, ["state": state.rawValue]).visit { job in
        // Another may have removed it meanwhile.
        do { try client.delete(job.id) } catch ClientError.notFound { return }
        count += 1
        if invocation.wantsJSON { try Terminal.print(json: CreateReply(id: job.id)) }
      }
    }
    if !invocation.wantsJSON { try Terminal.print("removed \(count) \(count == 1 ? "job" : "jobs")\n") }
    return 0
  }
}
