/// What a status query costs the server, and how long it takes, beside nginx.
extension Bench {
  func statusRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "status")
    let api = Api(self, jobd)
    let id = try api.run()
    // As long as jobd's whole reply, but for the names of the headers.
    let nginx = try Nginx(self, reply: try api.statusText(id))
    let target = "/jobs/\(id)/status"
    let rows = try costRows(jobd, nginx, target) + latencyRows(jobd, nginx, target)
    try jobd.stop()
    return rows
  }

  private func get(_ server: any Server, _ target: String, _ options: [String]) throws -> Load {
    let span = span(1.5, quick: 0.7)
    return try load(
      "get", server, ["--connections", "64", "--path", target, "--seconds", "\(span)"] + options)
  }

  private func costRows(_ jobd: Jobd, _ nginx: Nginx, _ target: String) throws -> [Row] {
    let (ours, theirs) = try interleaved {
      try get(jobd, target, [])
    } _: {
      try get(nginx, "/status", [])
    }
    let (oursDeep, theirsDeep) = try interleaved {
      try get(jobd, target, ["--depth", "16"])
    } _: {
      try get(nginx, "/status", ["--depth", "16"])
    }
    return [
      Row(
        "GET status, 64 keep-alive connections", unit: "requests/CPU s", ours.map(\.perCPU),
        over: "nginx return 200",
        theirs.map(\.perCPU), goal: .atLeast(1.4)),
      Row(
        "GET status, 64 connections, pipelined 16 deep", unit: "requests/CPU s", oursDeep.map(\.perCPU),
        over: "nginx the same", theirsDeep.map(\.perCPU), goal: .atLeast(8)),
      Row(
        "GET status, 64 connections, as fast as they can", unit: "requests/s", ours.map(\.rate),
        over: "nginx the same",
        theirs.map(\.rate), goal: .none),
      Row(
        "latency of these, p50", unit: "us", ours.map(\.latency.p50), over: "nginx the same",
        theirs.map(\.latency.p50), goal: .atMost(0.75)),
      Row(
        "latency of these, p99", unit: "us", ours.map(\.latency.p99), over: "nginx the same",
        theirs.map(\.latency.p99), goal: .atMost(1)),
    ]
  }

  /// At a constant rate that both can bear: latency counts from when a request was to be sent.
  private func latencyRows(_ jobd: Jobd, _ nginx: Nginx, _ target: String) throws -> [Row] {
    let rate = try get(nginx, "/status", []).rate / 2
    let (ours, theirs) = try interleaved {
      try get(jobd, target, ["--rate", "\(rate)"])
    } _: {
      try get(nginx, "/status", ["--rate", "\(rate)"])
    }
    if let jobd = ours.last?.latency, let nginx = theirs.last?.latency {
      add(.latency("GET status at \(rate.text) requests/s, open loop", [("jobd", jobd), ("nginx", nginx)]))
    }
    let note = "open loop, \(rate.text) requests/s, half of what nginx can do"
    func row(_ name: String, _ quantile: KeyPath<Latency, Double>, _ limit: Double) -> Row {
      Row(
        "GET status at a constant rate, \(name)", unit: "us", ours.map { $0.latency[keyPath: quantile] },
        over: "nginx",
        theirs.map { $0.latency[keyPath: quantile] }, goal: .atMost(limit), note: note)
    }
    return [row("p50", \.p50, 0.7), row("p99", \.p99, 1)]
  }
}
