import Glibc

/// Jobs that wait for a slot: how fast they are launched, and what very many of them cost another client.
extension Bench {
  func queueRows() throws -> [Row] { try drainedRows() + besideRows() }

  /// A queue that is there when the daemon starts, through eight slots.
  private func drainedRows() throws -> [Row] {
    let count = options.quick ? 5_000 : 30_000
    let span = span(3, quick: 1.5)
    var rates: [Double] = []
    var bares: [BareJobs] = []
    for round in 0..<min(rounds, 2) {
      bares.append(try baseline(BareJobs.self, "jobs", "8", "\(span)"))
      rates.append(try drained(count, state: "queue-\(round)"))
      bares.append(try baseline(BareJobs.self, "jobs", "8", "\(span)"))
    }
    let pairs = stride(from: 0, to: bares.count, by: 2).map { (bares[$0].rate + bares[$0 + 1].rate) / 2 }
    return [
      Row(
        "\(Double(count).text) queued jobs of /bin/true through 8 slots", unit: "jobs/s", rates,
        over: "vfork+exec+wait loop, 8 in flight", pairs, goal: .none)
    ]
  }

  /// Jobs a second, from when it serves until none waits or runs.
  private func drained(_ count: Int, state: String) throws -> Double {
    let first = try Jobd(self, state: state)
    _ = try Api(self, first).run()
    try first.stop()
    try KeptJobs.fill(path(state), count: count, waiting: true)
    let jobd = try Jobd(self, state: state, options: ["--client-running-jobs", "8"])
    let start = Clock.now
    let api = Api(self, jobd)
    try poll("the queue to be empty", seconds: 1200) {
      // Each look costs some of what is measured.
      usleep(200_000)
      return try api.runningJobs(most: 1) == 0
    }
    let seconds = Clock.now - start
    try jobd.stop()
    return Double(count) / seconds
  }

  /// Another client's queue is full, and has no slot: beside it a client creates jobs as if it were not there.
  private func besideRows() throws -> [Row] {
    let count = options.quick ? 100_000 : 1_000_000
    let other = try pki.add("queuing")
    let settings = "{ clients: { queuing: { running_jobs: 1 } } }"
    func started(_ state: String, waiting: Int) throws -> Jobd {
      let first = try Jobd(self, state: state, settings: settings)
      let api = Api(self, first, as: other)
      try api.stop(try api.create("/bin/sleep", ["1000000"]))
      try first.stop()
      try KeptJobs.fill(path(state), count: waiting, waiting: true)
      return try Jobd(self, state: state, settings: settings)
    }
    let (empty, full) = (try started("waiting-none", waiting: 0), try started("waiting", waiting: count))
    let span = span(3, quick: 1)
    let options = ["--connections", "8", "--seconds", "\(span)"]
    let (loads, alone) = try interleaved {
      try load("jobs", full, options)
    } _: {
      try load("jobs", empty, options)
    }
    let memory = (try full.memory() / 1_048_576, try empty.memory() / 1_048_576)
    for jobd in [full, empty] { try jobd.stop() }
    let name = "\(Double(count).text) jobs of another client waiting"
    return [
      Row(
        "jobs of /bin/true with \(name)", unit: "jobs/s", loads.map(\.rate), over: "with none waiting",
        alone.map(\.rate), goal: .atLeast(0.95)),
      Row(
        "PUT /jobs, p50, with \(name)", unit: "us", loads.compactMap { $0.create?.p50 },
        over: "with none waiting", alone.compactMap { $0.create?.p50 }, goal: .atMost(1.1)),
      Row("start-up with \(name)", unit: "s", [full.startup], goal: .atMost(2)),
      Row(
        "memory of both processes with \(name)", unit: "MiB", [memory.0], over: "with none waiting",
        [memory.1], goal: .none),
    ]
  }
}
