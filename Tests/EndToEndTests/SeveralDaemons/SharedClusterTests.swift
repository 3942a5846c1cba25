import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Two daemons whose jobs run on one cluster.
@Suite(.serialized) struct SharedClusterTests {
  /// Nothing in its environment names the job: on this host the daemon would find it by that.
  private func begun(_ last: String, on host: Hosts.Host) throws -> JobID {
    let id = try host.daemon.client().create(
      CreateRequest.shell("echo up; exec env -i \(last)", runner: "cluster"))
    try host.daemon.client().waitForOutput("up", of: id)
    return id
  }

  @Test func eachCleansUpItsOwn() throws {
    try SlurmCluster.with { slurm in
      let runner = "{ runners: { \(try RunnerScope.cluster(slurm)) } }"
      try Hosts.with(2, configuration: runner) { hosts in
        let (gone, other) = (hosts.all[0], hosts.all[1])
        let left = try begun("sleep 1000", on: gone)
        let go = "\(gone.directory)/go"
        let goesOn = try begun("sh -c 'until [ -e \(go) ]; do /bin/sleep 0.05; done; exit 6'", on: other)
        gone.daemon.kill()
        #expect(try slurm.squeue(name: "\(left)") == ["\(left) RUNNING"], "nobody tells the cluster")
        let meanwhile = try other.daemon.client().create(CreateRequest.shell("exit 3", runner: "cluster"))
        #expect(try other.daemon.client().end(of: meanwhile).exitCode == 3)
        try gone.comeBack()
        #expect(try gone.daemon.client().end(of: left).endedBy == .lost)
        try Poll.until("the cleanup") { try slurm.squeue(name: "\(left)").isEmpty }
        #expect(try slurm.squeue() == ["\(goesOn) RUNNING"])
        try Files.write([], to: go)
        #expect(try other.daemon.client().end(of: goesOn).exitCode == 6)
      }
    }
  }
}
