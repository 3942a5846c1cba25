import FoundationEssentials
import JobClient

extension Command {
  static let inspect = Command(
    name: "inspect", summary: "Prints all that is known of jobs, as JSON.", operands: .jobs,
    options: [.output("text is laid out for people, json is one line a job.")],
    examples: [("jobctl inspect $id", "command, times, exit code, bytes of output, CPU time and memory")]
  ) { invocation in
    try EachJob.run(invocation.arguments, invocation) { client, id in
      let detail = try client.detail(id)
      if invocation.wantsJSON { return try Terminal.print(json: detail) }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes, .sortedKeys]
      try Terminal.print(String(decoding: try encoder.encode(detail), as: UTF8.self) + "\n")
    }
  }
}
