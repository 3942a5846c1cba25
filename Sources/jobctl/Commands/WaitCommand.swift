import Glibc
import JobAPI
import JobClient

extension Command {
  static let wait = Command(
    name: "wait", summary: "Waits for jobs to end; fails when one of them did.", arguments: "ID...",
    count: 1...Int.max,
    options: [
      Option("any", "Returns when the first of them has ended."),
      Option("timeout", value: "TIME", "Gives up after this time, with exit status 124."), .json,
    ],
    details:
      "The exit status is that of the first job that did not exit with 0, and 125 for one in state error.",
    examples: [
      ("jobctl wait $a $b && echo both succeeded", "waits for all"),
      ("jobctl wait --any --timeout 1m $a $b", "waits for one of them, a minute at most"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    return try WaitCommand(invocation, client).run()
  }
}

private final class WaitCommand {
  private let invocation: Invocation
  private let client: JobClient
  private let ids: [JobID]
  private let end: Int64?

  init(_ invocation: Invocation, _ client: JobClient) throws {
    self.invocation = invocation
    self.client = client
    ids = try invocation.arguments.map { try JobName.id($0, client) }
    end = try invocation.duration("timeout").map { Monotonic.milliseconds() + $0.milliseconds }
  }

  func run() throws -> Int32 {
    var first: Int32 = 0
    var left = ids
    while !left.isEmpty {
      let (id, status) = try next(left)
      try report(id, status)
      if first == 0 { first = code(status) }
      if invocation.has("any") { break }
      left.removeAll { $0 == id }
    }
    return first
  }

  /// The first of `left` that has ended. With several, each is asked in turn and held for a while.
  private func next(_ left: [JobID]) throws -> (JobID, StatusReply) {
    let hold: Int64 = left.count == 1 || !invocation.has("any") ? 30_000 : 500
    while true {
      for id in left {
        let status = try Retry.whileTransient(client, tryFirst: true) {
          try client.status(id, wait: DurationText(milliseconds: try remaining(hold)))
        }
        if status.status != .running { return (id, status) }
        if !invocation.has("any") { break }
      }
    }
  }

  private func remaining(_ hold: Int64) throws -> Int64 {
    guard let end else { return hold }
    let left = end - Monotonic.milliseconds()
    guard left > 0 else { throw ClientError.timeout("the jobs have not ended in that time") }
    return min(left, hold)
  }

  private func report(_ id: JobID, _ status: StatusReply) throws {
    if try invocation.wantsJSON() { return try Terminal.print(json: Waited(id: id, result: status)) }
    try Terminal.print("\(id) \(StatusText.line(status))\n")
  }

  private func code(_ status: StatusReply) -> Int32 {
    status.status == .completed ? status.exitCode ?? 0 : ExitStatus.other.rawValue
  }
}

private struct Waited: Encodable {
  let id: JobID
  let result: StatusReply
}

enum Monotonic {
  static func milliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
