import FoundationEssentials
import Glibc
import JobClient
import Platform

extension Command {
  static let run = Command(
    name: "run", summary: "Runs a job: its output as it comes, its exit code as jobctl's.",
    operands: .command,
    options: [
      Option(
        "detach", short: "d", "Prints the job's id and leaves it running, with /dev/null as standard input."),
      Option("rm", "Deletes the job when it has ended."),
      Option("no-stdin", short: "n", "Gives the job no standard input; else jobctl's own is forwarded."),
      Option("interactive", short: "i", "Changes nothing: standard input is forwarded anyway."), .detachKeys,
      .output("json: one object at the end, with id, result and both streams."),
    ] + JobOptions.all,
    details: """
      One request runs the job and follows it. A lost connection, or a daemon that is restarted, is bridged for 30 seconds:
      output and input go on at the right byte, and with --rm jobctl deletes the job at its end then. With --rm a
      connection that is lost before the daemon has said which job it is ends jobctl with 121, since a repeated request
      could run the job twice: it may have run. Ctrl-C sends INT to the job, a second one kills it; TERM, HUP and QUIT
      are forwarded. A job that waits for a slot is taken out of its queue by any of them. When nobody reads
      jobctl's output any longer the job is stopped, as a command on this host would be. A job that its time limit ended
      makes jobctl exit with the job's code, or with 124 when that is 0; a command that is not found with 127, one that
      cannot be executed with 126.
      With --tty the job has a terminal of its own, which is shown on jobctl's: every key is the job's, Ctrl-C too, and the size
      follows. Ctrl-P Ctrl-Q leaves the job running, as does the end of jobctl or of its terminal; "jobctl attach ID" takes
      it up again, from anywhere. The job's TERM and COLORTERM are jobctl's, unless --env gives others. With --rm a job is
      deleted only if jobctl sees its end.
      """,
    examples: [
      ("jobctl run uname -a", "prints what the host is"),
      ("jobctl run -it bash", "a shell, as on a terminal of the host's; Ctrl-P Ctrl-Q leaves it"),
      ("tar c . | jobctl run --rm tar tv", "feeds the job, and leaves nothing behind"),
      ("jobctl run --timeout 10s --env LANG=C sh -c 'echo $LANG'", "with a limit and an environment"),
      ("jobctl run --secret API_TOKEN ./deploy", "with jobctl's API_TOKEN, which nobody but the job learns"),
    ]
  ) { invocation in
    if invocation.has("interactive"), invocation.has("no-stdin") {
      throw invocation.usage("--interactive excludes --no-stdin")
    }
    if invocation.has("detach-keys"), !invocation.has("tty") || invocation.has("detach") {
      throw invocation.usage(
        "--detach-keys needs --tty, and excludes --detach: they leave a terminal that jobctl shows")
    }
    guard invocation.has("detach") else {
      return try invocation.has("tty") ? TerminalRun(invocation).run() : RunCommand(invocation).run()
    }
    if invocation.has("rm") { throw invocation.usage("--detach excludes --rm") }
    return try Command.start.run(invocation)
  }
}

private struct RunCommand {
  private let invocation: Invocation
  private let settings: Settings
  private let client: JobClient
  private let bridge: Bridge

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    settings = try Settings(invocation)
    client = try settings.client()
    bridge = Bridge(client)
  }

  func run() throws -> Int32 {
    var request = RunRequest(
      try JobOptions.request(invocation, settings), removes: invocation.has("rm") ? true : nil)
    let input = try input(&request.job)
    let signals = try SignalForwarder(client.settings)
    // A job that is removed has no result for a retry.
    let key = request.removes == true ? nil : IdempotencyKey.fresh()
    let job = try JobRun(client, bridge, request, key: key).start()
    do {
      try signals.forward(to: job.id)
      if isatty(STDERR_FILENO) == 1 { try SlotNotice.tell(client.settings, job.id) { Terminal.complain($0) } }
      try input?.forward(to: job.id)
      return try finish(job)
    } catch is OutputClosed {
      let client = JobClient(client.settings)
      _ = try? StopCommand.stop(job.id, nil, client)
      if invocation.has("rm") { try? client.delete(job.id) }
      throw OutputClosed()
    } catch let error as OutputFailed {
      Terminal.complain("jobctl: job \(job.id) goes on; see \"jobctl logs -f \(job.id)\"")
      throw error
    } catch ClientError.notFound {
      throw JobEnd.deleted(job.id)
    } catch {
      Terminal.complain("jobctl: lost sight of job \(job.id); see \"jobctl logs -f \(job.id)\"")
      throw error
    }
  }

  /// What goes with the request, or is forwarded afterwards.
  private func input(_ request: inout CreateRequest) throws -> StandardInput? {
    guard !invocation.has("no-stdin"), StandardInput.canBeForwarded else { return nil }
    if let whole = StandardInput.whole() {
      request.stdinBase64 = Data(whole).base64EncodedString()
      return nil
    }
    request.stdinOpen = true
    return try StandardInput(client.settings)
  }

  private func finish(_ job: RunningJobLog) throws -> Int32 {
    let status: StatusReply
    if invocation.wantsJSON {
      let output = CollectedOutput()
      status = try job.read(output)
      try Terminal.print(
        json: Result(id: job.id, result: status, stdout: output.text(.stdout), stderr: output.text(.stderr)))
    } else {
      status = try job.read(OutputWriter())
    }
    if invocation.has("rm"), job.wasBridged { try bridge.call { try client.deleteOnce(job.id) } }
    return JobEnd.exitStatus(status, invocation.arguments)
  }
}

private struct Result: Encodable {
  let id: JobID
  let result: StatusReply
  let stdout, stderr: String
}

/// All of a job's output.
private final class CollectedOutput: LogFollower.Taker {
  private var bytes: [[UInt8]] = [[], []]

  func take(_ piece: LogPiece) { bytes[piece.stream == .stdout ? 0 : 1] += piece.bytes }
  func flush() {}

  /// What is not UTF-8 is replaced.
  func text(_ stream: OutputStream) -> String {
    String(decoding: bytes[stream == .stdout ? 0 : 1], as: UTF8.self)
  }
}
