/// The same with ever more jobs that have ended and are kept: nothing may get slower.
extension Bench {
  private struct Size {
    var count: Int
    var jobd: Jobd
    var status, create, list, startup, memory: [Double]
    var target: String
  }

  func growthRows() throws -> [Row] {
    // The fewest are as many as a list holds: else the shorter list would be the faster one.
    let counts = options.quick ? [100, 10_000, 100_000] : [100, 10_000, 100_000, 1_000_000]
    var sizes = try counts.map(grown)
    for round in 0..<rounds {
      // Every other round the other way round: what the disk does meanwhile falls on all alike.
      for index in round % 2 == 0 ? Array(sizes.indices) : sizes.indices.reversed() {
        try measure(&sizes[index])
      }
    }
    for size in sizes { try size.jobd.stop() }
    addPlot(sizes)
    return sizes.dropFirst().flatMap { rows($0, over: sizes[0]) }
  }

  private func grown(_ count: Int) throws -> Size {
    let state = "growth-\(count)"
    let first = try Jobd(self, state: state)
    let api = Api(self, first)
    let id = try api.run()
    try first.stop()
    try KeptJobs.fill(path(state), count: count)
    var startups: [Double] = []
    for _ in 0..<(rounds - 1) {
      let jobd = try Jobd(self, state: state)
      startups.append(jobd.startup)
      try jobd.stop()
    }
    let jobd = try Jobd(self, state: state)
    startups.append(jobd.startup)
    return Size(
      count: count, jobd: jobd, status: [], create: [], list: [], startup: startups, memory: [],
      target: "/jobs/\(id)/status")
  }

  private func measure(_ size: inout Size) throws {
    let span = span(1, quick: 0.4)
    func p50(_ target: String) throws -> Double {
      try load("get", size.jobd, ["--path", target, "--seconds", "\(span)"]).latency.p50
    }
    size.status.append(try p50(size.target))
    size.list.append(try p50("/jobs?limit=100"))
    let jobs = try load("jobs", size.jobd, ["--seconds", "\(span)"])
    size.create.append(jobs.create?.p50 ?? .infinity)
    size.memory.append(try size.jobd.memory() / 1_048_576)
  }

  private func rows(_ size: Size, over none: Size) -> [Row] {
    let name = "\(Double(size.count).text) kept jobs"
    func row(_ figure: String, _ part: (Size) -> [Double]) -> Row {
      Row(
        "\(figure), p50, with \(name)", unit: "us", part(size), over: "with 100", part(none),
        goal: .atMost(1.2))
    }
    return [
      row("GET status of a kept job", \.status), row("PUT /jobs", \.create), row("GET /jobs of 100", \.list),
      Row(
        "start-up with \(name)", unit: "s", size.startup, goal: size.count >= 1_000_000 ? .atMost(2) : .none),
      Row("memory of both processes with \(name)", unit: "MiB", size.memory, goal: .atMost(25 + 24)),
    ]
  }

  private func addPlot(_ sizes: [Size]) {
    func series(_ name: String, _ part: (Size) -> [Double]) -> Plot.Series {
      Plot.Series(name: name, points: sizes.map { [Double($0.count), part($0).median] })
    }
    add(
      Plot(
        title: "Growth: p50 and start-up with kept jobs", x: "kept jobs", y: "us",
        xAxis: .logarithmic,
        yAxis: .logarithmic,
        series: [
          series("GET status of a kept job", \.status), series("PUT /jobs", \.create),
          series("GET /jobs of 100", \.list), series("start-up", { $0.startup.map { $0 * 1e6 } }),
        ]))
  }

  /// Many clients that follow one job while it writes; all of them get all of it.
  func followerRows() throws -> [Row] {
    let count = options.quick ? 200 : 1_000
    let jobd = try Jobd(self, state: "followers")
    let api = Api(self, jobd)
    var seconds: [Double] = []
    for _ in 0..<rounds {
      let script =
        "sleep 2; i=0; while [ $i -lt 200 ]; do echo line $((1000 + i)) of output; i=$((i+1)); done"
      let id = try api.create("/bin/sh", ["-c", script])
      let load = try load(
        "download", jobd,
        ["--connections", "\(count)", "--path", "/jobs/\(id)/stdout?follow=1", "--bytes", "\(200 * 20)"])
      seconds.append(load.seconds)
      try api.delete(id)
    }
    try jobd.stop()
    return [
      Row(
        "\(Double(count).text) clients follow one job that writes 200 lines", unit: "s", seconds, goal: .holds
      )
    ]
  }
}
