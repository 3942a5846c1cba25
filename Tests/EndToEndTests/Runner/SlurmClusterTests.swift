import Glibc
import Harness
import Testing

/// The cluster that tests use.
@Suite(.serialized) struct SlurmClusterTests {
  @Test func itRunsWhatSrunIsGiven() throws {
    try SlurmCluster.with { cluster in
      let script = "cat; echo words >&2; exit 7"
      let done = try cluster.run("srun", "--quiet", "sh", "-c", script, input: Array("input\n".utf8))
      #expect(done.status == 7 && done.text == "input\n" && done.errorText.contains("words\n"))
      try Poll.until("an empty queue") { try cluster.squeue().isEmpty }
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func itRunsJobsOfOtherUsers() throws {
    try SlurmCluster.with { cluster in
      let done = try cluster.run(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "srun", "--quiet", "id", "-u")
      #expect(done.status == 0 && done.text == "65534\n", "\(done.errorText)")
    }
  }

  @Test func itLeavesNothing() throws {
    let cluster = try SlurmCluster()
    let job = try cluster.start("srun", ["--quiet", "--job-name=left", "sleep", "1000"])
    try Poll.until("the job to run") { try cluster.squeue(name: "left") == ["left RUNNING"] }
    // As when a supervisor is killed: nobody tells Slurm.
    for pid in Processes.descendants(job.pid) + [job.pid] { kill(pid, SIGKILL) }
    #expect(try cluster.squeue(name: "left") == ["left RUNNING"])
    cluster.end()
    #expect(try job.wait().status == 128 + SIGKILL)
    #expect(cluster.processes == [] && !Files.exists(cluster.scratch.path))
  }
}
