import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `jobctl why`.
@Suite(.serialized) struct CliWhyTests {
  private func why(_ id: JobID, _ daemon: Daemon) throws -> String {
    let done = try daemon.jobctl("why", "\(id)")
    #expect(done.status == 0, "\(done.errorText)")
    return done.text
  }

  @Test func saysWhatEndedAJobAndWhereItsTimeWent() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (exited, _) = try client.run("sh", "-c", "echo four; exit 3")
      let text = try why(exited, daemon)
      for part in [
        "job \(exited) completed with exit code 3 after ", "\n  its program exited by itself\n", "queued ",
        ", start ", ", ran ", ", first output after ", "CPU time ", "5 B of stdout and 0 B of stderr kept",
      ] {
        #expect(text.contains(part), "\(text)")
      }
      let (failed, _) = try client.run("/nonexistent")
      #expect(
        try why(failed, daemon).contains("\n  cannot start the job: exec \"/nonexistent\": No such file"))
      #expect(try daemon.jobctl("why", "01a20dd9-cf1e-707e-8624-250b697e1403").status == 123)
      let both = try daemon.jobctl("why", "-o", "json", "\(exited)", "\(failed)").text.split(separator: "\n")
      #expect(both.count == 2 && both[0].contains(#""ended_by":"exit""#) && both[0].contains(#""run_us":"#))
    }
  }

  @Test func saysWhoStoppedAJob() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("trap '' TERM; echo up; while :; do sleep 0.02; done")
      try Poll.until("the trap") { try client.output(id).stdout == "up\n" }
      try Poll.until("its start to be told") { try why(id, daemon).contains("job \(id) runs, for ") }
      let status = try client.stop(id, grace: DurationText("100ms"))
      let text = try why(id, daemon)
      let stopped = try #require(status.stoppedBy)
      #expect(text.contains("job \(id) was ended by signal KILL after "), "\(text)")
      #expect(
        text.contains("\n  it was stopped by alice at \(stopped.time); signal KILL ended it "), "\(text)")
      #expect(
        try daemon.jobctl("status", "\(id)").text.hasSuffix(", ended by signal KILL, stopped by alice\n"))
    }
  }
}
