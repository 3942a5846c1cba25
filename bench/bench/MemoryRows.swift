/// What the daemon holds: idle, with many jobs that run, with many connections.
extension Bench {
  func memoryRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "memory")
    let api = Api(self, jobd)
    // Whatever is loaded by the first job and the first connection.
    let id = try api.run()
    try api.delete(id)
    let idle = try jobd.memory()
    let rows =
      [
        Row(
          "memory of both processes, idle", unit: "MiB", [idle / 1_048_576], goal: .atMost(25),
          note: "proportional set size")
      ] + (try connectionRows(jobd)) + (try runningRows(jobd))
    try jobd.stop()
    return rows
  }

  private var connections: Int { options.quick ? 2_000 : 10_000 }

  private func connectionRows(_ jobd: Jobd) throws -> [Row] {
    let nginx = try Nginx(self, reply: "{}")
    let ours = try perConnection(jobd, "/jobs?limit=1")
    let theirs = try perConnection(nginx, "/status")
    let count = Double(connections).text
    return [
      Row("memory of an idle mTLS connection, of \(count)", unit: "KiB", [ours / 1024], goal: .atMost(20)),
      Row(
        "the same", unit: "KiB", [ours / 1024], over: "nginx", [theirs / 1024], goal: .atMost(1)),
    ]
  }

  private func perConnection(_ server: any Server, _ target: String) throws -> Double {
    let before = try server.memory()
    let child = try startLoad("idle", server, ["--connections", "\(connections)", "--path", target])
    _ = try decode(Load.self, child.read(line: true), of: "loadgen idle")
    let held = try server.memory()
    try release(child)
    return (held - before) / Double(connections)
  }

  /// All of them are asked for their status while all of them run, and deleted in the end.
  private func runningRows(_ jobd: Jobd) throws -> [Row] {
    let wanted = options.quick ? 1_000 : 10_000
    let most = try Machine.mostRunningJobs()
    let count = min(wanted, most / 1000 * 1000)
    let before = try jobd.memory()
    let start = Clock.now
    let child = try startLoad(
      "hold", jobd,
      [
        "--connections", "\(count / 500)", "--batch", "500", "--total", "\(count)", "--job",
        "{\"cmd\":\"/bin/sleep\",\"args\":[\"1000\"]}",
      ])
    _ = try decode(Load.self, child.read(line: true), of: "loadgen hold")
    // Accepted they are; all of them are to run.
    try poll("all jobs run") { try jobd.children() >= count }
    let seconds = Clock.now - start
    let held = try jobd.memory()
    let others = Double(count).text
    let beside = try runRow(jobd, beside: others)
    try release(child)
    let name = "\(others) jobs running at once"
    let limited = count < wanted ? "; more need more descriptors than this machine allows a process" : ""
    return [
      Row(
        "memory of a running job", unit: "KiB", [(held - before) / Double(count) / 1024], goal: .atMost(8),
        note: name),
      Row(
        name, unit: "s to start", [seconds], goal: count < wanted ? .none : .holds,
        note: "all asked for their status, then deleted\(limited)"),
      beside,
    ]
  }

  /// What short jobs lose to others that run and do nothing.
  private func runRow(_ jobd: Jobd, beside others: String) throws -> Row {
    let alone = try Jobd(self, state: "alone")
    let options = ["--connections", "8", "--seconds", "\(span(2, quick: 1))"] + Self.removed
    let (few, many) = try interleaved {
      try load("run", alone, options)
    } _: {
      try load("run", jobd, options)
    }
    try alone.stop()
    return Row(
      "jobs of /bin/true beside \(others) running ones: run with rm, 8 connections", unit: "jobs/s",
      many.map(\.rate), over: "beside none", few.map(\.rate), goal: .atLeast(0.8))
  }
}
