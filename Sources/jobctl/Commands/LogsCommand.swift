import JobClient

extension Command {
  static let logs = Command(
    name: "logs", summary: "Prints a job's output: stdout to stdout, stderr to stderr, in order of arrival.",
    operands: .job,
    options: [
      Option("follow", short: "f", "Goes on until the job has ended."),
      Option("since", .time, "Only what came since: 10m ago, or 2026-01-31T12:00:00Z."),
      Option("tail", short: "n", .number(0 ... .max, "LINES"), "Only the last lines, and what follows them."),
      Option("timestamps", short: "t", "Puts the time before each line."),
      .output("json: one object for each piece, with its time."),
    ],
    details: """
      Two pipes keep no exact order between them; start the job with --merge where that matters. A lost connection is
      bridged: the output goes on at the right byte.
      """,
    examples: [
      ("jobctl logs -f $id", "follows the job, from its beginning"),
      ("jobctl logs --tail 20 --timestamps $id", "the last 20 lines, with the times they came"),
    ]
  ) { invocation in
    let query: Query = ["since": invocation.value("since"), "tail": invocation.value("tail")]
    let taker: any LogFollower.Taker =
      if invocation.wantsJSON {
        ChunkWriter()
      } else {
        invocation.has("timestamps") ? TimestampWriter() : OutputWriter()
      }
    _ = try JobName.withOnly(invocation) { client, id in
      try LogFollower(client, id, Bridge(client), query).read(follows: invocation.has("follow"), taker)
    }
    return 0
  }
}
