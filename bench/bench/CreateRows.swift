/// How long a create takes, over what one durable write to the same disk takes.
extension Bench {
  func createRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "create")
    let span = span(2, quick: 1)
    var busy: [Load] = []
    var slow: [Load] = []
    let (idle, syncs) = try interleaved {
      busy.append(try busyCreate(jobd, span))
      // A long argument takes exec long: the create has to be answered all the same.
      slow.append(try load("jobs", jobd, ["--seconds", "\(span)", "--job", Self.longJob]))
      return try load("jobs", jobd, ["--seconds", "\(span)"])
    } _: {
      try baseline(Latency.self, "sync", path("sync"), "\(span)")
    }
    try jobd.stop()
    if let idle = idle.last?.create, let busy = busy.last?.create, let sync = syncs.last {
      add(.latency("PUT /jobs", [("idle", idle), ("8 busy clients", busy), ("fdatasync of 4 KiB", sync)]))
    }
    return rows("idle", idle, syncs) + rows("8 busy clients", busy, syncs) + slowRows(slow, idle)
  }

  private static let longJob: String = {
    let argument = String(repeating: "x", count: 100_000)
    return "{\"cmd\":\"/bin/true\",\"args\":[\"\(argument)\"]}"
  }()

  private func busyCreate(_ jobd: Jobd, _ span: Double) throws -> Load {
    let others = try startLoad("jobs", jobd, ["--connections", "8", "--seconds", "\(span + 0.6)"])
    others.closeInput()
    let load = try load("jobs", jobd, ["--seconds", "\(span)", "--warmup", "0.4"])
    _ = try finishLoad(others)
    return load
  }

  private func rows(_ name: String, _ loads: [Load], _ syncs: [Latency]) -> [Row] {
    func over(_ figure: String, _ quantile: (Latency) -> Double, _ limit: Double) -> [Row] {
      let values = loads.map { ($0.create.map(quantile) ?? .infinity) / 1000 }
      let disk = syncs.map { $0.p50 / 1000 }
      return [
        Row(
          "PUT /jobs, \(name), \(figure) over an fdatasync's p50", unit: "ms",
          zip(values, disk).map { $0 - $1 },
          goal: .atMost(limit), note: "\(values.median.text) ms, the disk \(disk.median.text) ms")
      ]
    }
    return over("p50", \.p50, 1) + over("p99", \.p99, 5)
  }

  private func slowRows(_ slow: [Load], _ idle: [Load]) -> [Row] {
    func create(_ loads: [Load]) -> [Double] { loads.map { ($0.create?.p50 ?? .infinity) / 1000 } }
    return [
      Row(
        "PUT /jobs with an argument of 100 KB, p50", unit: "ms", create(slow), over: "with none",
        create(idle),
        goal: .none)
    ]
  }
}
