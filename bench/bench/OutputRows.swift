/// How fast output is drained to files, and read by a client.
extension Bench {
  private static let gibibyte = 1 << 30

  func drainRows() throws -> [Row] {
    let bytes = (options.quick ? 1 : 4) * Self.gibibyte
    let jobd = try Jobd(self, state: "drain")
    let api = Api(self, jobd)
    var told: [Double] = []
    let (ours, theirs) = try interleaved {
      let start = Clock.now
      let id = try api.run("\(programs)/baseline", ["write", "\(bytes)"])
      told.append(Double(bytes) / (Clock.now - start) / 1e6)
      let rate = Double(bytes) / (try api.detail(id).seconds) / 1e6
      try api.delete(id)
      return rate
    } _: {
      try baseline(BareDrain.self, "drain", path("drained"), "\(bytes)")
    }
    try jobd.stop()
    let figure = "a job that writes \(bytes / Self.gibibyte) GiB"
    return [
      Row(
        "\(figure), from its start to its end", unit: "MB/s", ours,
        over: "C loop, 1 MiB pipe and reads, same file system", theirs.map { $0.rate / 1e6 },
        goal: .atLeast(0.9)),
      Row(
        "\(figure), from its create until its end is told, which is when the output is on disk", unit: "MB/s",
        told,
        over: "C loop, then fdatasync", theirs.map { $0.syncedRate / 1e6 }, goal: .none),
    ]
  }

  func downloadRows() throws -> [Row] {
    let bytes = options.quick ? Self.gibibyte / 4 : Self.gibibyte
    let jobd = try Jobd(self, state: "download")
    let api = Api(self, jobd)
    let nginx = try Nginx(self, reply: "{}")
    let id = try api.run("\(programs)/baseline", ["write", "\(bytes)"])
    try Child.run(["sh", "-c", "\(programs)/baseline write \(bytes) > \(path("nginx"))/files/output"])
    var followed: [Double] = []
    let (ours, theirs) = try interleaved {
      followed.append(try follow(jobd, api, bytes))
      return try download(jobd, "/jobs/\(id)/stdout", bytes)
    } _: {
      try download(nginx, "/output", bytes)
    }
    try jobd.stop()
    let size = "\(bytes >> 20) MiB"
    let name = "nginx sending the same bytes over TLS"
    return [
      Row(
        "finished output of \(size) to a client", unit: "MB/s", ours, over: name, theirs, goal: .atLeast(1.1)),
      Row(
        "\(size) followed while the job writes them", unit: "MB/s", followed, over: name, theirs,
        goal: .atLeast(0.7)),
    ]
  }

  private func download(_ server: any Server, _ target: String, _ bytes: Int) throws -> Double {
    let load = try load("download", server, ["--path", target, "--bytes", "\(bytes)"])
    return Double(bytes) / load.seconds / 1e6
  }

  /// From the request on, which comes right after the create.
  private func follow(_ jobd: Jobd, _ api: Api, _ bytes: Int) throws -> Double {
    let id = try api.create("\(programs)/baseline", ["write", "\(bytes)"])
    let rate = try download(jobd, "/jobs/\(id)/stdout?follow=1", bytes)
    try api.delete(id)
    return rate
  }
}
