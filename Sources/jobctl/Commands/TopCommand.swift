import JobClient
import Platform

extension Command {
  static let top = Command(
    name: "top", summary: "Shows what your running jobs use: a table that goes on, by CPU or memory.",
    options: [
      Option("sort", .oneOf(LiveUsage.Order.allCases.map(\.rawValue)), "What the first uses most of; cpu."),
      Option("interval", .duration(100...86_400_000), "The time between two looks; 2s."),
      Option("once", "Prints one table, of one interval, and ends; so without a terminal."),
      .output("json: one object a line for each job, once."),
    ] + JobSelection.clients,
    details: """
      CPU is in percent of one, of the time between two looks. The key q and Ctrl-C end it. A lost connection is told and
      bridged.
      """,
    examples: [
      ("jobctl top", "what uses most CPU now"),
      ("jobctl top --sort memory --once", "one table, for scripts"),
    ]
  ) { invocation in
    let top = try TopCommand(invocation, try Settings.client(invocation))
    if invocation.wantsJSON { return try top.printJSON() }
    guard Screen.isTerminal, !invocation.has("once") else { return try top.printOnce() }
    return try FullScreen.with { try top.run() }
  }
}

/// One thread.
private final class TopCommand {
  private let client: JobClient
  private let bridge: Bridge
  private let query: Query
  private let showsClient: Bool
  private let order: LiveUsage.Order
  /// Milliseconds.
  private let interval: Int64
  private var usage = LiveUsage()
  private var rows: [LiveUsage.Row] = []

  init(_ invocation: Invocation, _ client: JobClient) throws(UsageError) {
    self.client = client
    let owner = try JobSelection.client(invocation)
    query = ["state": "running", "queued": "0", "usage": "1", "client": owner]
    showsClient = owner != nil
    bridge = Bridge(client)
    order = invocation.value("sort").flatMap(LiveUsage.Order.init) ?? .cpu
    interval = invocation.duration("interval")?.milliseconds ?? 2000
  }

  /// `lost`: told of what it tries again after.
  private func look(lost: (ClientError) throws -> Void = { _ in }) throws {
    let jobs = try bridge.call {
      do {
        var jobs: [JobDetail] = []
        try JobPages(client, query).visit { jobs.append($0) }
        return jobs
      } catch let error as ClientError {
        if error.isTransient { try lost(error) }
        throw error
      }
    }
    rows = usage.look(jobs, at: Clock.monotonic(), order)
  }

  private func lookTwice() throws {
    try look()
    Clock.system.sleep(interval * 1000)
    try look()
  }

  func printOnce() throws -> Int32 {
    try lookTwice()
    try Terminal.print(text(width: Screen.width, height: nil, nil))
    return 0
  }

  func printJSON() throws -> Int32 {
    try lookTwice()
    for row in rows { try Terminal.print(json: TopRow(row)) }
    return 0
  }

  func run() throws -> Int32 {
    while true {
      try look { try self.draw("the connection is lost, and tried again: \($0)") }
      let next = Deadline(after: interval)
      repeat {
        try draw(nil)
        if FullScreen.key(within: next.left) == UInt8(ascii: "q") { return 0 }
      } while next.left > 0
    }
  }

  /// As the screen is now.
  private func draw(_ note: String?) throws {
    try FullScreen.draw(text(width: Screen.width, height: Screen.height, note))
  }

  private func text(width: Int?, height: Int?, _ note: String?) -> String {
    LiveUsage.screen(rows, showsClient: showsClient, width: width, height: height, note)
  }
}

/// One job as JSON.
private struct TopRow: Encodable {
  let id: JobID
  let client: String?
  let cpuPercent: Double?
  let usage: ResourceUsage?
  let cmd: String
  let args: [String]

  enum CodingKeys: String, CodingKey {
    case id, client, usage, cmd, args
    case cpuPercent = "cpu_percent"
  }

  init(_ row: LiveUsage.Row) {
    (id, client, cpuPercent, usage) = (row.job.id, row.job.client, row.cpu, row.job.usage)
    (cmd, args) = (row.job.cmd, row.job.args)
  }
}
