import JobClient

extension Command {
  static let rm = Command(
    name: "rm", summary: "Deletes jobs that have ended; with --force running ones too.",
    operands: .optionalJobs,
    options: [
      Option("all-finished", "All jobs that have ended."),
      JobSelection.option("Those that have ended; with --force running ones too"),
      Option("force", short: "f", "Running jobs too: they are killed."), .json,
    ] + JobSelection.clients,
    examples: [
      ("jobctl rm $a $b", "removes both"), ("jobctl rm --all-finished", "leaves only what runs"),
      ("jobctl rm --filter state=failed --filter label=stage=build", "the builds that failed"),
    ]
  ) { invocation in
    if invocation.has("all-finished"), invocation.has("force") || !invocation.arguments.isEmpty {
      throw invocation.usage("--all-finished excludes ids and --force")
    }
    if invocation.has("all-finished") || invocation.has("filter") {
      return try RmCommand.selected(invocation)
    }
    guard !JobSelection.isOfOthers(invocation) else {
      throw invocation.usage("--client and --all-clients need --filter or --all-finished")
    }
    guard !invocation.arguments.isEmpty else {
      throw invocation.usage("expected ID..., --filter or --all-finished")
    }
    return try EachJob.change(invocation.arguments, invocation) { client, id in
      let status = invocation.has("force") ? nil : try client.status(id)
      if let status, status.status == .running {
        let what = status.queued == true ? "it waits for a slot" : "it still runs"
        throw ClientError.status(409, "\(what): stop it first, or give --force", retryAfter: nil)
      }
      try client.delete(id)
    }
  }
}

private enum RmCommand {
  static func selected(_ invocation: Invocation) throws -> Int32 {
    guard invocation.arguments.isEmpty else {
      throw invocation.usage("--filter excludes ids")
    }
    let client = try Settings.client(invocation)
    let selection = try JobSelection(invocation)
    var count = 0
    try selection.visit(client) { job in
      guard job.status != .running || invocation.has("force") else { return }
      // Another may have removed it meanwhile.
      do { try client.delete(job.id) } catch ClientError.notFound { return }
      count += 1
      if invocation.wantsJSON { try Terminal.print(json: CreateReply(id: job.id)) }
    }
    if !invocation.wantsJSON { try Terminal.print("removed \(count) \(count == 1 ? "job" : "jobs")\n") }
    return 0
  }
}
