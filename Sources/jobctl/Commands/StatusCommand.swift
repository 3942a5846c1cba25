import JobClient

extension Command {
  static let status = Command(
    name: "status", summary: "Prints the state of a job.", operands: .job,
    options: [
      Option("wait", .duration(), "Holds the answer until the job has ended, at most this long."), .json,
    ],
    examples: [
      ("jobctl status $id", "prints running, completed or error, and how the job ended"),
      ("jobctl status --wait 30s -o json $id", "waits for the end, and prints JSON"),
    ]
  ) { invocation in
    let last = try JobName.withOnly(invocation) { client, id in
      let wait = invocation.duration("wait")
      let end = try wait.flatMap { try client.end(of: id, within: $0.milliseconds, Bridge(client)) }
      return try end ?? client.status(id)
    }
    try invocation.print(last, StatusText.line(last))
    return 0
  }
}
