/// Jobs a second, and what one costs.
extension Bench {
  func jobRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "jobs")
    let span = span(3, quick: 1.5)
    var batches: [Load] = []
    var pipelined: [Load] = []
    let (loads, bares) = try interleaved {
      pipelined.append(
        try load("jobs", jobd, ["--connections", "8", "--depth", "2", "--seconds", "\(span)"]))
      batches.append(try load("jobs", jobd, ["--connections", "8", "--batch", "32", "--seconds", "\(span)"]))
      return try load("jobs", jobd, ["--connections", "8", "--seconds", "\(span)"])
    } _: {
      try baseline(BareJobs.self, "jobs", "8", "\(span)")
    }
    let status = try callCost(jobd)
    try jobd.stop()
    if let last = loads.last { addPlot(last) }
    return rateRows(loads, pipelined, batches, bares) + costRows(loads, bares, status)
  }

  /// CPU seconds of a status query that is answered at once: what TLS and HTTP cost a call.
  private func callCost(_ jobd: Jobd) throws -> Double {
    let api = Api(self, jobd)
    let id = try api.run()
    let load = try load(
      "get", jobd, ["--connections", "8", "--path", "/jobs/\(id)/status", "--seconds", "1"])
    try api.delete(id)
    return 1 / load.perCPU
  }

  private func addPlot(_ load: Load) {
    let stages = [
      ("create", load.create), ("wait", load.wait), ("output", load.output), ("delete", load.delete),
      ("the whole job", load.job),
    ]
    add(.latency("8 clients run /bin/true", stages.compactMap { name, stage in stage.map { (name, $0) } }))
  }

  private func rateRows(
    _ loads: [Load], _ pipelined: [Load], _ batches: [Load], _ bares: [BareJobs]
  ) -> [Row] {
    let bare = "vfork+exec+wait loop, 8 in flight"
    return [
      Row(
        "jobs of /bin/true, created one by one", unit: "jobs/s", loads.map(\.rate), over: bare,
        bares.map(\.rate),
        goal: .atLeast(0.85)),
      Row(
        "the same, wait, output and delete sent in one piece", unit: "jobs/s", pipelined.map(\.rate),
        over: bare,
        bares.map(\.rate), goal: .none),
      Row(
        "jobs of /bin/true, created in batches of 32", unit: "jobs/s", batches.map(\.rate), over: bare,
        bares.map(\.rate), goal: .atLeast(0.9)),
    ]
  }

  private func costRows(_ loads: [Load], _ bares: [BareJobs], _ call: Double) -> [Row] {
    let bare = bares.map { ($0.cpu + $0.children) / Double($0.done) * 1e6 }
    func row(_ figure: String, _ cost: (Load) -> Double, over: Bool, _ goal: Goal, _ note: String = "") -> Row
    {
      let values = loads.map { cost($0) / Double($0.done) * 1e6 }
      return Row(
        figure, unit: "us CPU", values, over: over ? "the bare loop's, with its child" : "", over ? bare : [],
        goal: goal,
        note: note)
    }
    let calls = 4 * call
    return [
      row(
        "CPU of a job: both processes and the job's own, without TLS and HTTP of its four calls",
        { $0.serverCPU + $0.children.reduce(0, +) - calls * Double($0.done) }, over: true, .atMost(1.1),
        "TLS and HTTP: 4 times a status query, \((calls * 1e6).text) us"),
      row(
        "the same with TLS and HTTP", { $0.serverCPU + $0.children.reduce(0, +) }, over: true, .none),
      row("of it the supervisor's", { $0.cpu[0] }, over: false, .none),
      row("of it the api process's", { $0.cpu[1] }, over: false, .none),
      row("of it the job's own process", { $0.children[0] }, over: false, .none),
    ]
  }
}
