import JobClient

extension Command {
  static let delete = Command(
    name: "delete", summary: "Ends jobs, and removes their records and output.", operands: .jobs,
    options: [.json],
    examples: [("jobctl delete $id", "returns when the job's processes and files are gone")]
  ) { invocation in
    try EachJob.change(invocation.arguments, invocation) { try $0.delete($1) }
  }
}
