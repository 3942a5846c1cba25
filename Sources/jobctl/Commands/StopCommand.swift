import JobClient

extension Command {
  static let stop = Command(
    name: "stop", summary: "Ends jobs: TERM, a time of grace, KILL. Records and output are kept.",
    operands: .optionalJobs,
    options: [
      JobSelection.option("Those that run"),
      Option("grace", .duration(), "The time between TERM and KILL; 0s kills at once."), .json,
    ] + JobSelection.clients,
    details: """
      Several jobs are stopped at the same time. In a job with a terminal those processes that ignore TERM, as interactive
      shells do, get HUP with it.
      """,
    examples: [
      ("jobctl stop --grace 2s $id", "returns when the job has ended"),
      ("jobctl stop --filter label=stage=build", "all that have a label"),
      ("jobctl stop --client ci-7", "all of that client that run, for an operator"),
    ]
  ) { invocation in
    let settings = try Settings(invocation).connection()
    let grace = invocation.duration("grace")
    let names = try JobSelection.names(invocation, otherwise: [.running])
    return try EachJob.runTogether(names, settings) { client, id in
      try EndedJob(id: id, result: StopCommand.stop(id, grace, client)).print(invocation)
    }
  }
}

enum StopCommand {
  /// Returns when the job has ended, however long its grace is.
  static func stop(_ id: JobID, _ grace: DurationText?, _ client: JobClient) throws -> StatusReply {
    do throws(ClientError) {
      return try client.stop(id, grace: grace)
    } catch {
      // It was asked to end, when that is all that went wrong.
      guard case .timeout = error else { throw error }
      client.disconnect()
      return try client.end(of: id, Bridge(client))!
    }
  }
}
