import JobClient

extension Command {
  static let start = Command(
    name: "start", summary: "Starts a job and prints its id.", operands: .command,
    options: JobOptions.all + [.json],
    details: """
      The job's standard input is /dev/null. With --tty it has a terminal, as large as jobctl's, or else of 24 lines of 80 characters, for
      "jobctl attach".
      """,
    examples: [
      ("jobctl start sleep 60", "prints the id of the job, which runs on"),
      (
        "id=$(jobctl start --timeout 5m make test)",
        "keeps the id for later, and ends the job after five minutes"
      ),
      ("jobctl attach $(jobctl start -t top)", "a terminal that nobody has, and somebody takes"),
    ]
  ) { invocation in
    let settings = try Settings(invocation)
    let client = try settings.client()
    let request = try JobOptions.request(invocation, settings)
    let key = IdempotencyKey.fresh()
    let id = try Bridge(client).call { try client.create(request, key: key) }
    try invocation.print(CreateReply(id: id), "\(id)")
    return 0
  }
}
