/// Many commands: `jobctl batch`, beside GNU parallel, which runs them on this host without a daemon and keeps nothing.
extension Bench {
  func batchRows() throws -> [Row] {
    let count = options.quick ? 1000 : 10_000
    let commands = path("commands")
    try Files.write(String(repeating: "true\n", count: count), to: commands)
    let jobd = try Jobd(self, state: "batch")
    // What it would write below the user's own directory goes with the run's.
    let parallel = [
      "env", "HOME=\(options.scratch)", "parallel", "--will-cite", "--jobs", "8", "--arg-file", commands,
    ]
    // Both take long.
    let (ours, theirs) = try interleaved(most: 2) {
      try Child.run(batch(jobd) + ["--jobs", "8", "--keep-going", commands]).usage
    } _: {
      try Child.run(parallel).usage
    }
    try jobd.stop()
    let baseline = "GNU parallel, 8 at once on this host"
    return [
      Row(
        "\(count) times true by jobctl batch, 8 at once", unit: "jobs/s",
        ours.map { Double(count) / $0.wall }, over: baseline, theirs.map { Double(count) / $0.wall },
        goal: .atLeast(1)),
      Row(
        "of it jobctl", unit: "us CPU", ours.map { $0.cpu / Double(count) * 1e6 }, goal: .none),
    ]
  }

  /// The certificate's key has another option than elsewhere.
  private func batch(_ server: any Server) -> [String] {
    jobctl(server, "batch").map { $0 == "--key" ? "--cert-key" : $0 }
  }
}
