import JobClient

extension Command {
  static let attach = Command(
    name: "attach", summary: "Takes up the terminal of a job that runs.", operands: .job,
    options: [
      Option("no-stdin", short: "n", "Looks on only: keys are not the job's, and its size stays."),
      Option("take-over", "Writes in place of whoever does, whose jobctl ends."),
      .detachKeys,
    ],
    details: """
      Shows the end of what the job wrote, 64 KiB, has its terminal be of the size of jobctl's, so that a program that draws the whole
      screen does so again, and goes on as "jobctl run --tty" does: Ctrl-P Ctrl-Q leaves the job running, and its exit
      code is jobctl's. One jobctl at a time writes to a job's terminal; another one is told who does, and may look on
      with --no-stdin, or take over with --take-over: the other one ends then, and tells who writes. With --no-stdin what is
      typed is dropped, but Ctrl-C and the keys of --detach-keys leave it. What the job asked its terminal before it was
      taken up is not asked again. Of a job that has ended the end of its output is shown.
      """,
    examples: [
      ("jobctl attach $id", "goes on with a job that \"jobctl run -t\" or \"jobctl start -t\" began"),
      ("jobctl attach -n $id", "looks over the shoulder of whoever writes; Ctrl-C ends that"),
      ("jobctl attach --take-over $id", "goes on where another jobctl, left open elsewhere, still writes"),
    ]
  ) { invocation in
    if invocation.has("no-stdin"), invocation.has("take-over") {
      throw invocation.usage("--no-stdin excludes --take-over: who looks on writes nothing")
    }
    return try JobName.withOnly(invocation) { client, id in
      let job = try Bridge(client).call { try client.detail(id) }
      guard job.tty != nil else {
        throw invocation.usage("job \(id) has no terminal: follow it with \"jobctl logs -f \(id)\"")
      }
      let words = [job.cmd] + job.args
      if invocation.has("no-stdin") || job.status != .running {
        let status = try Onlooker(client, job, leftBy: invocation.detachKeys).follow()
        defer { if job.status != .running { Terminal.complain(JobEnd.past(job)) } }
        return JobEnd.exitStatus(status, words)
      }
      try TerminalRequest.requireLocal(
        invocation, instead: "look on with \"jobctl attach --no-stdin \(id)\" or \"jobctl logs -f \(id)\"")
      let attached = try TerminalAttachment.begin(client, id, invocation.detachKeys)
      let status = try TerminalAttachment.naming(id) {
        try attached.follow(client, after: TerminalPast(job), takesOver: invocation.has("take-over"))
      }
      return TerminalAttachment.exitStatus(status, words, attached)
    }
  }
}
