import JobClient

extension Command {
  static let runners = Command(
    name: "runners", summary: "Lists what may launch your jobs, and what each can limit.",
    options: [.output("json: one object a line.")],
    details: "\"none\" is having no runner: the daemon starts the job on its own host, as it is.",
    examples: [
      ("jobctl runners", "the names for --runner"),
      ("jobctl runners -o json", "the same for scripts"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let runners = try Bridge(client).call { try client.runners() }
    guard !invocation.wantsJSON else {
      for runner in runners { try Terminal.print(json: runner) }
      return 0
    }
    let rows = runners.map { [$0.name, $0.isDefault ? "yes" : "-", limits(of: $0)] }
    let table = JobTable(
      head: ["RUNNER", "DEFAULT", "LIMITS"], rows: rows, colours: rows.map { _ in nil })
    try Terminal.print(table.text(width: Screen.width, colour: false))
    return 0
  }

  private static func limits(of runner: RunnersReply.Entry) -> String {
    runner.limits.isEmpty ? "-" : runner.limits.joined(separator: ",")
  }
}
