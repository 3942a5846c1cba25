/// Jobs a second, and what one costs.
extension Bench {
  /// A way to have jobs of /bin/true run, what it did, and the bare loop in the same rounds.
  private struct Way {
    var figure: String
    /// The load generator's mode and options.
    var load: [String]
    /// What its rate over the bare loop's is to be.
    var goal: Goal
    var loads: [Load] = []
    var bares: [BareJobs] = []
  }

  static let removed = ["--job", "{\"cmd\":\"/bin/true\",\"rm\":true}"]

  func jobRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "jobs")
    let few = try measured(jobd, oneByOne(connections: 8, removed: 0.68, kept: 0.58, calls: 0.44))
    let many = try measured(jobd, oneByOne(connections: 32, removed: 0.74, kept: 0.64, calls: 0.62))
    let batches = try measured(jobd, batches)
    try jobd.stop()
    addPlot(few)
    return (few + many + batches).map(rateRow) + costRows(few[0], goal: 1.4) + costRows(few[2], goal: 1.65)
  }

  private func oneByOne(connections: Int, removed: Double, kept: Double, calls: Double) -> [Way] {
    let most = ["--connections", "\(connections)"]
    let name = "\(connections) connections"
    return [
      Way(figure: "run with rm, \(name)", load: ["run"] + most + Self.removed, goal: .atLeast(removed)),
      Way(figure: "run, kept, \(name)", load: ["run"] + most, goal: .atLeast(kept)),
      Way(figure: "four calls, \(name)", load: ["jobs"] + most, goal: .atLeast(calls)),
    ]
  }

  private var batches: [Way] {
    let most = ["--connections", "8", "--batch", "32"]
    return [
      Way(figure: "created in batches of 32", load: ["jobs"] + most, goal: .atLeast(0.65)),
      Way(figure: "batches of 32 with run and rm", load: ["run"] + most + Self.removed, goal: .atLeast(0.75)),
      Way(figure: "batches of 32 with run, kept", load: ["run"] + most, goal: .none),
    ]
  }

  /// All of them and the bare loop once a round.
  private func measured(_ jobd: Jobd, _ ways: [Way]) throws -> [Way] {
    let span = span(2, quick: 1)
    let (loads, bares) = try interleaved {
      try ways.map { try load($0.load[0], jobd, Array($0.load[1...]) + ["--seconds", "\(span)"]) }
    } _: {
      try baseline(BareJobs.self, "jobs", "8", "\(span)")
    }
    return ways.enumerated().map { index, way in
      var way = way
      (way.loads, way.bares) = (loads.map { $0[index] }, bares)
      return way
    }
  }

  private func addPlot(_ few: [Way]) {
    guard let run = few[0].loads.last, let calls = few[2].loads.last else { return }
    let stages = [
      ("create", calls.create), ("wait", calls.wait), ("output", calls.output), ("delete", calls.delete),
      ("all four", calls.job), ("run with rm", run.latency),
    ]
    add(.latency("8 clients run /bin/true", stages.compactMap { name, stage in stage.map { (name, $0) } }))
  }

  private func rateRow(_ way: Way) -> Row {
    Row(
      "jobs of /bin/true: \(way.figure)", unit: "jobs/s", way.loads.map(\.rate),
      over: "vfork+exec+wait loop, 8 in flight", way.bares.map(\.rate), goal: way.goal)
  }

  private func costRows(_ way: Way, goal: Double) -> [Row] {
    func part(_ name: String, _ cost: (Load) -> Double) -> Row {
      Row(
        "of it the \(name)", unit: "us CPU", way.loads.map { cost($0) / Double($0.done) * 1e6 }, goal: .none)
    }
    return [
      Row(
        "CPU of a job, its own and TLS included: \(way.figure)", unit: "us CPU",
        way.loads.map { ($0.serverCPU + $0.children.reduce(0, +)) / Double($0.done) * 1e6 },
        over: "the bare loop's, with its child",
        way.bares.map(\.costOfJob), goal: .atMost(goal)),
      part("supervisor's") { $0.cpu[0] },
      part("api process's") { $0.cpu[1] },
      part("job's own process") { $0.children[0] },
    ]
  }
}
