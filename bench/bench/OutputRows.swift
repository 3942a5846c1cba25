import Glibc

/// How fast output is drained to files, and read by a client.
extension Bench {
  private static let gibibyte = 1 << 30

  /// On tmpfs: how fast a disk takes what is written is another matter, and not the same twice. Little enough that its
  /// memory is used again and again: a virtual machine may have to ask its host for more.
  func drainRows() throws -> [Row] {
    let bytes = Self.gibibyte / 4
    let memory = try Files.makeMemoryDirectory("jobd-bench.\(getpid())", room: 2 * bytes)
    defer { if let memory { try? Files.remove(memory) } }
    let jobd = try Jobd(self, state: "drain", below: memory)
    let file = "\(memory ?? options.scratch)/drained"
    let (ours, theirs) = try interleaved {
      try several { try drain(jobd, bytes) }
    } _: {
      try several { try baseline(BareDrain.self, "drain", file, "\(bytes)") }
    }
    try jobd.stop()
    let figure = "a job that writes \(bytes >> 20) MiB"
    let place = memory == nil ? "on the disk, as there is no tmpfs" : "on tmpfs"
    let perGibibyte = Double(Self.gibibyte) / Double(bytes)
    return [
      Row(
        "\(figure), \(place), from its start to its end", unit: "MB/s", ours.map { $0.rate / 1e6 },
        over: "C loop, 1 MiB pipe and reads", theirs.map { $0.rate / 1e6 }, goal: .atLeast(0.9)),
      Row(
        "the same, CPU of the supervisor", unit: "CPU s/GiB", ours.map { $0.cpu * perGibibyte },
        over: "C loop, without the writer", theirs.map { $0.cpu * perGibibyte }, goal: .atMost(1.1)),
    ]
  }

  /// The median of some.
  private func several(_ drain: () throws -> BareDrain) throws -> BareDrain {
    let drains = try (0..<(options.quick ? 4 : 8)).map { _ in try drain() }
    return BareDrain(rate: drains.map(\.rate).median, cpu: drains.map(\.cpu).median)
  }

  private func drain(_ jobd: Jobd, _ bytes: Int) throws -> BareDrain {
    let api = Api(self, jobd)
    let before = jobd.supervisorCPU
    let id = try api.run("\(programs)/baseline", ["write", "\(bytes)"])
    let cpu = jobd.supervisorCPU - before
    let rate = Double(bytes) / (try api.detail(id).seconds)
    try api.delete(id)
    return BareDrain(rate: rate, cpu: cpu)
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
