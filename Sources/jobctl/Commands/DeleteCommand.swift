import JobClient

extension Command {
  static let delete = Command(
    name: "delete", summary: "Ends jobs, and removes their records and output.", operands: .jobs,
    options: [.json],
    examples: [("jobctl delete $id", "returns when the job's processes and files are gone")]
  ) { invocation in
    let client = try Settings.client(invocation)
    return try EachJob.run(invocation.arguments, client) { client, id in
      try client.delete(id)
      if invocation.wantsJSON { try Terminal.print(json: CreateReply(id: id)) }
    }
  }
}
