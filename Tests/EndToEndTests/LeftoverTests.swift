import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Processes that a job's end does not end.
@Suite(.serialized) struct LeftoverTests {
  @Test func outputThatAnEscapedProcessKeepsOpenIsCutOffAndThisIsTold() throws {
    try Daemon.with(["--cgroup", "false"]) { daemon in
      let client = daemon.client()
      // Another session, and nothing in its environment that names the job.
      let script = """
        f=$(mktemp -u); mkfifo $f
        env -i setsid sh -c "echo \\$\\$; echo >$f; exec sleep 1000" & read x <$f; rm $f; exit 6
        """
      let id = try client.shell(script)
      let status = try client.end(of: id)
      let pid = try #require(Int32(try client.output(id).stdout.dropLast()))
      defer { kill(pid, SIGKILL) }
      #expect(status.status == .completed && status.exitCode == 6)
      #expect(
        status.errorMessage
          == "output was cut off: a process that left the job kept it open after the job's end")
      #expect(Processes.isAlive(pid))
    }
  }

  /// A process of root's that a daemon without rights may not kill, as sudo makes one.
  @Test(.enabled(if: geteuid() == 0)) func whatMayNotBeKilledIsLeftAfterItsTime() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    let program = "\(user.scratch.path)/become-root"
    try Programs.install("/usr/bin/perl", at: program, user.scratch)
    chmod(program, 0o4755)
    let script = "use POSIX; POSIX::setuid(0); $| = 1; print \"$$\\n\"; sleep 1000"
    let options = user.options + ["--cgroup", "false", "--grace", "100ms"]
    try Daemon.with(options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let client = daemon.client()
      func start() throws -> (JobID, Int32) {
        let id = try client.create(CreateRequest(cmd: program, args: ["-e", script]))
        var pid: Int32 = 0
        try Poll.until("its pid") {
          pid = Int32(try client.output(id).stdout.dropLast()) ?? 0
          return pid != 0
        }
        return (id, pid)
      }
      let (id, pid) = try start()
      defer { kill(pid, SIGKILL) }
      let stopped = try daemon.jobctl("stop", "\(id)")
      #expect(stopped.status == 0, "\(stopped.errorText)")
      let detail = try client.detail(id)
      #expect(detail.status == .error)
      #expect(
        detail.errorMessage
          == "the job cannot be ended: SIGKILL to process \(pid): Operation not permitted (it is another user's)"
      )
      try client.delete(id)
      #expect(Processes.isAlive(pid))
      kill(pid, SIGKILL)
      try daemon.waitForLog("event=processes_gone id=\(id)")
      // Nor does one keep the daemon from its end.
      let (_, other) = try start()
      defer { kill(other, SIGKILL) }
      #expect(try daemon.stop().status == 0)
      #expect(Processes.isAlive(other))
    }
  }
}
