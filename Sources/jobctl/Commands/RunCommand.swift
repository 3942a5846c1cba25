import Glibc
import JobClient

extension Command {
  static let run = Command(
    name: "run", summary: "Runs a job: its output as it comes, its exit code as jobctl's.",
    operands: .command,
    options: [
      Option(
        "detach", short: "d", "Prints the job's id and leaves it running, with /dev/null as standard input."),
      Option("rm", "Deletes the job when it has ended."),
      Option("no-stdin", short: "n", "Gives the job no standard input; else jobctl's own is forwarded."),
      .output("json: one object at the end, with id, result and both streams."),
    ] + JobOptions.all,
    details: """
      A lost connection, or a daemon that is restarted, is bridged for 30 seconds: output and input go on at the right
      byte. Ctrl-C sends INT to the job, a second one kills it; TERM, HUP and QUIT are forwarded. A job that waits for a
      slot is taken out of its queue by any of them. When nobody reads
      jobctl's output any longer the job is stopped, as a command on this host would be. A job that its time limit ended
      makes jobctl exit with the job's code, or with 124 when that is 0; a command that is not found with 127, one that
      cannot be executed with 126.
      """,
    examples: [
      ("jobctl run uname -a", "prints what the host is"),
      ("tar c . | jobctl run --rm tar tv", "feeds the job, and leaves nothing behind"),
      ("jobctl run --timeout 10s --env LANG=C sh -c 'echo $LANG'", "with a limit and an environment"),
    ]
  ) { invocation in
    guard invocation.has("detach") else { return try RunCommand(invocation).run() }
    if invocation.has("rm") { throw invocation.usage("--detach excludes --rm") }
    return try Command.start.run(invocation)
  }
}

private struct RunCommand {
  private let invocation: Invocation
  private let client: JobClient
  private let bridge: Bridge

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    client = try Settings.client(invocation)
    bridge = Bridge(client)
  }

  func run() throws -> Int32 {
    var request = try JobOptions.request(invocation)
    let forwardsInput = !invocation.has("no-stdin") && StandardInput.canBeForwarded
    if forwardsInput { request.stdinOpen = true }
    let signals = try SignalForwarder(client.settings)
    let input = forwardsInput ? try StandardInput(client.settings) : nil
    let key = IdempotencyKey.fresh()
    let id = try bridge.call { try client.create(request, key: key) }
    do {
      try signals.forward(to: id)
      try tellIfItWaits(id)
      try input?.forward(to: id)
      return try finish(id)
    } catch is OutputClosed {
      let client = JobClient(client.settings)
      _ = try? StopCommand.stop(id, nil, client)
      if invocation.has("rm") { try? client.delete(id) }
      throw OutputClosed()
    } catch let error as OutputFailed {
      Terminal.complain("jobctl: job \(id) goes on; see \"jobctl logs -f \(id)\"")
      throw error
    } catch ClientError.notFound {
      throw ClientError.status(404, "job \(id) was deleted meanwhile", retryAfter: nil)
    } catch {
      Terminal.complain("jobctl: lost sight of job \(id); see \"jobctl logs -f \(id)\"")
      throw error
    }
  }

  /// Who looks on is told why nothing happens.
  private func tellIfItWaits(_ id: JobID) throws {
    guard isatty(STDERR_FILENO) == 1, try bridge.call({ try client.status(id) }).queued == true else {
      return
    }
    Terminal.complain("jobctl: job \(id) waits for a slot; see \"jobctl why \(id)\"")
  }

  private func finish(_ id: JobID) throws -> Int32 {
    let status: StatusReply
    if invocation.wantsJSON {
      status = try client.end(of: id, bridge)!
      let output = try bridge.call { try client.output(id) }
      try Terminal.print(json: RunReply(id: id, result: status, stdout: output.stdout, stderr: output.stderr))
    } else {
      status = try LogFollower(client, id, bridge).read(follows: true, OutputWriter())
    }
    if invocation.has("rm") { try bridge.call { try deleteOnce(id) } }
    return exitStatus(status)
  }

  /// A retried deletion may find the job gone.
  private func deleteOnce(_ id: JobID) throws {
    do { try client.delete(id) } catch ClientError.notFound {}
  }

  private func exitStatus(_ status: StatusReply) -> Int32 {
    guard status.status == .completed else {
      Terminal.complain("jobctl: \(Text.printable(status.errorMessage ?? "the job failed"))")
      if let hint = CommandHint.text(invocation.arguments, status) { Terminal.complain("  \(hint)") }
      return ExitCode.of(status)
    }
    if status.timedOut == true { Terminal.complain("jobctl: the job's time limit ended it") }
    if let error = status.errorMessage {
      Terminal.complain("jobctl: \(Text.printable(error))")
    } else if status.truncated == true {
      Terminal.complain("jobctl: output past the job's limit was dropped")
    }
    return ExitCode.of(status)
  }
}

private struct RunReply: Encodable {
  let id: JobID
  let result: StatusReply
  let stdout, stderr: String
}
