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
    let (client, id) = try JobName.only(invocation)
    var status: StatusReply?
    if let wait = invocation.duration("wait") {
      status = try client.end(of: id, within: wait.milliseconds, Bridge(client))
    }
    let last = try status ?? client.status(id)
    try invocation.print(last, StatusText.line(last))
    return 0
  }
}
