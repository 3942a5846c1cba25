import Glibc

/// Jobs on a Slurm cluster of this host, by a runner: what a front-end takes from the rate of srun.
extension Bench {
  func runnerRows() throws -> [Row] {
    let cluster = try Child(["scripts/slurm-cluster.sh", path("slurm")], log: path("slurm.log"))
    defer {
      cluster.signal(SIGTERM)
      cluster.wait()
    }
    guard cluster.read(line: true) == "ready\n" else {
      throw BenchFailure("no Slurm cluster: \(try Files.read(path("slurm.log")))")
    }
    let configuration = "\(path("slurm"))/slurm.conf"
    let jobd = try Jobd(self, state: "runner", settings: settings(configuration))
    let span = span(10, quick: 4)
    // With the environment and the limit of descriptors that jobs have: Slurm hands both on to its jobs.
    let bare =
      [
        "env", "-i", "PATH=/usr/bin:/bin", "SLURM_CONF=\(configuration)", "SLURM_EXIT_ERROR=253", "prlimit",
        "--nofile=1024:", "\(programs)/baseline", "command", "8", "\(span)", "1",
      ] + ["/usr/bin/srun", "--quiet", "--job-name=bare", "--", "/bin/true"]
    let (loads, bares) = try interleaved {
      try load(
        "run", jobd,
        [
          "--connections", "8", "--seconds", "\(span)", "--warmup", "1", "--job",
          #"{"cmd":"/bin/true","rm":true,"runner":"cluster"}"#,
        ])
    } _: {
      try decode(BareCommand.self, try Child.run(bare).text, of: "baseline command")
    }
    try jobd.stop()
    return [
      Row(
        "jobs of /bin/true by srun, 8 connections", unit: "jobs/s", loads.map(\.rate),
        over: "srun from 8 threads", bares.map(\.rate), goal: .atLeast(0.95))
    ]
  }

  private struct BareCommand: Decodable {
    var rate: Double
    enum CodingKeys: String, CodingKey { case rate = "per_second" }
  }

  private func settings(_ configuration: String) -> String {
    """
    {
      runners: {
        cluster: {
          command: ["srun", "--quiet", "--job-name={id}", "--", "{env}"],
          limits: "runner",
          signal: ["scancel", "--state=RUNNING", "--signal={signal}", "--name={id}"],
          cleanup: ["scancel", "--full", "--name={id}"],
          cleaned: ["squeue", "--noheader", "--name={id}"],
          failure_codes: [253],
          environment: { SLURM_CONF: "\(configuration)", SLURM_EXIT_ERROR: "253" },
        },
      },
    }
    """
  }
}
