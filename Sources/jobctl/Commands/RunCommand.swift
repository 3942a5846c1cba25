import Glibc
import JobAPI
import JobClient

extension Command {
  static let run = Command(
    name: "run", summary: "Runs a job: its output as it comes, its exit code as jobctl's.",
    arguments: "COMMAND [ARGUMENT...]", count: 1...Int.max,
    options: [
      Option("detach", short: "d", "Prints the job's id and leaves it running."),
      Option("rm", "Deletes the job when it has ended."),
      Option("no-stdin", short: "n", "Gives the job no standard input; else jobctl's own is forwarded."),
      .json,
    ] + JobOptions.all,
    details: """
      A lost connection, or a daemon that is restarted, is bridged for 30 seconds: output goes on at the right byte.
      Ctrl-C sends INT to the job, a second one kills it; TERM, HUP and QUIT are forwarded.
      """,
    examples: [
      ("jobctl run uname -a", "prints what the host is"),
      ("tar c . | jobctl run --rm tar tv", "feeds the job, and leaves nothing behind"),
      ("jobctl run --timeout 10s --env LANG=C sh -c 'echo $LANG'", "with a limit and an environment"),
    ]
  ) { invocation in
    if invocation.has("detach") { return try Command.start.run(invocation) }
    return try RunCommand(invocation).run()
  }
}

private final class RunCommand {
  private let invocation: Invocation
  private let client: JobClient
  private let wantsJSON: Bool

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    client = try Settings.client(invocation)
    wantsJSON = try invocation.wantsJSON()
  }

  func run() throws -> Int32 {
    var request = try JobOptions.request(invocation)
    let forwardsInput = !invocation.has("no-stdin") && StandardInput.hasSomething
    if forwardsInput { request.stdinOpen = true }
    SignalForwarder.hold()
    let key = IdempotencyKey.fresh()
    let id = try Retry.whileTransient(client, tryFirst: true) { try client.create(request, key: key) }
    try SignalForwarder.start(id, client.settings)
    if forwardsInput { try StandardInput.forward(to: id, client.settings) }
    let status = try follow(id)
    if wantsJSON { try printJSON(id, status) }
    if invocation.has("rm") { try Retry.whileTransient(client) { try deleteOnce(id) } }
    return exitStatus(status)
  }

  private func follow(_ id: JobID) throws -> StatusReply {
    let output = OutputFollower(client, id) { [wantsJSON] bytes, stream in
      if !wantsJSON { try Terminal.write(bytes, to: stream == .stdout ? STDOUT_FILENO : STDERR_FILENO) }
    }
    return try Retry.whileTransient(client) { try output.follow() }
  }

  /// A retried deletion may find the job gone.
  private func deleteOnce(_ id: JobID) throws {
    do { try client.delete(id) } catch ClientError.notFound {}
  }

  private func printJSON(_ id: JobID, _ status: StatusReply) throws {
    let output: OutputReply = try client.call(.output, Route.output.target(id))
    try Terminal.print(json: RunReply(id: id, result: status, stdout: output.stdout, stderr: output.stderr))
  }

  private func exitStatus(_ status: StatusReply) -> Int32 {
    guard status.status == .completed else {
      Terminal.complain("jobctl: \(status.errorMessage ?? "the job failed")")
      return ExitStatus.other.rawValue
    }
    if status.timedOut == true { Terminal.complain("jobctl: the job's time limit ended it") }
    return status.exitCode ?? 0
  }
}

private struct RunReply: Encodable {
  let id: JobID
  let result: StatusReply
  let stdout, stderr: String
}

/// Doing something again while the connection, or the daemon, comes and goes.
enum Retry {
  /// Seconds.
  private static let most = 30

  /// Calls `body` until it succeeds or fails for good. `tryFirst`: nobody having been there at all is for good.
  static func whileTransient<Result>(
    _ client: JobClient, tryFirst: Bool = false, _ body: () throws -> Result
  ) throws -> Result {
    var pause: UInt32 = 50_000
    var waited: UInt32 = 0
    while true {
      do {
        return try body()
      } catch let error as ClientError where error.isTransient {
        if tryFirst, waited == 0, case .connect = error { throw error }
        guard waited < UInt32(most) * 1_000_000 else { throw error }
        client.disconnect()
        usleep(pause)
        waited += pause
        pause = min(pause * 2, 1_000_000)
      }
    }
  }
}
