import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The two processes: what survives the end of either.
@Suite(.serialized) struct SupervisionTests {
  @Test func jobsGoOnWhenTheApiProcessIsKilled() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("echo before; sleep 1; echo after; exit 5")
      let killed = daemon.apiPid
      kill(killed, SIGKILL)
      try Poll.until("another api process") { daemon.apiPid != killed }
      let fresh = daemon.client()
      #expect(try fresh.end(of: id).exitCode == 5)
      #expect(try fresh.output(id).stdout == "before\nafter\n")
      #expect(daemon.log.contains("event=api_died"))
    }
  }

  @Test func aRunThatFollowsBridgesTheDeathOfTheApiProcess() throws {
    try Daemon.with { daemon in
      let script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 9"
      let running = try daemon.startJobctl(["run", "sh", "-c", script])
      try Poll.until("the first lines") { running.output.count > 50 }
      kill(daemon.apiPid, SIGKILL)
      let done = try running.wait()
      #expect(done.status == 9, "\(done.errorText)")
      #expect(done.text == (0..<40).map { "line \($0)\n" }.joined())
    }
  }

  /// What follows a job is no reply to be waited for: the jobs end at once, and who followed them sees how.
  @Test func followersDoNotHoldUpAnOrderlyEndAndSeeIt() throws {
    try Daemon.with(["--drain-time", "1h"]) { daemon in
      let silent = try daemon.startJobctl(["run", "sleep", "1000"])
      let trapped = try daemon.startJobctl([
        "run", "sh", "-c", "trap 'echo bye; exit 3' TERM; echo hi; sleep 1000 & wait",
      ])
      let events = try daemon.startJobctl(["events", "-f"])
      try Poll.until("both jobs to be seen") {
        trapped.text == "hi\n"
          && events.text.split(separator: "\n").filter { $0.contains("started") }.count == 2
      }
      #expect(try daemon.stop().status == 0)
      let ends = [try silent.wait(), try trapped.wait()]
      #expect(ends.map(\.status) == [143, 3], "\(ends.map(\.errorText))")
      #expect(ends[1].text == "hi\nbye\n")
      try Poll.until("both ends among the events") {
        events.text.split(separator: "\n").filter { $0.contains("finished") }.count == 2
      }
      events.signal(SIGTERM)
      _ = try events.wait()
    }
  }

  @Test func finishedJobsSurviveTheDaemonAndRunningOnesAreLostInOrder() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (finished, _) = try client.run("sh", "-c", "echo kept; exit 4")
      let lost = try client.shell("echo so far; echo $$; exec sleep 1000")
      var pid: Int32 = 0
      try Poll.until("the job's output") {
        pid = Int32(try client.output(lost).stdout.split(separator: "\n").last ?? "") ?? 0
        return pid != 0
      }
      daemon.kill()
      try daemon.start()
      let fresh = daemon.client()
      #expect(try fresh.status(finished).exitCode == 4)
      #expect(try fresh.output(finished).stdout == "kept\n")
      let status = try fresh.status(lost)
      #expect(status.status == .error)
      #expect(status.errorMessage?.contains("supervision") == true)
      #expect(!Processes.isAlive(pid))
      #expect(try fresh.bytes(.stdout, lost) == Array("so far\n\(pid)\n".utf8))
    }
  }

  /// Whatever an api process is told when it starts, it is not an end that a crash could take back.
  @Test(.enabled(if: geteuid() == 0)) func anEndThatIsNotOnDiskIsNotTold() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell("\(go.wait); exit 5")
      _ = try daemon.client().pid(of: id)
      let told = try daemon.withFaults("fdatasync:error=EIO", thread: "store") {
        try go()
        try daemon.waitForLog("event=store_failed")
        let old = daemon.apiPid
        kill(old, SIGKILL)
        try Poll.until("another api process") { daemon.apiPid != old }
        return try daemon.client().status(id)
      }
      #expect(told.status == .running)
      #expect(try daemon.client().end(of: id).exitCode == 5)
    }
  }

  @Test func sigtermStopsInOrder() throws {
    try Daemon.with(["--grace", "2s"]) { daemon in
      let client = daemon.client()
      let polite = try client.shell("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done")
      let stubborn = try client.shell("trap '' TERM; echo up; while :; do sleep 0.1; done")
      for id in [polite, stubborn] { try Poll.until("the trap") { try client.output(id).stdout == "up\n" } }
      let done = try daemon.stop()
      #expect(done.status == 0, "\(done.errorText)")
      #expect(done.errorText.contains("event=stopped"))
      try daemon.start()
      let fresh = daemon.client()
      #expect(try fresh.status(polite).exitCode == 3)
      #expect(try fresh.output(polite).stdout == "up\nbye\n")
      #expect(try fresh.status(stubborn).signal == SIGKILL)
    }
  }

  @Test func sighupLoadsTheCertificatesOnDisk() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("sleep 1; exit 6")
      let before = daemon.apiPid
      daemon.signal(SIGHUP)
      try daemon.waitForLog("event=reloaded")
      #expect(daemon.apiPid != before)
      try Poll.until("the end of the old api process") { !Processes.isAlive(before) }
      #expect(try daemon.client().end(of: id).exitCode == 6)
    }
  }

  @Test func theApiProcessHasNoRights() throws {
    try Daemon.with { daemon in
      let ids = Processes.status(daemon.apiPid, "Uid").split(separator: "\t").compactMap { uid_t($0) }
      #expect(ids.count == 4)
      #expect(Processes.status(daemon.apiPid, "CapEff") == "0000000000000000")
      #expect(Processes.status(daemon.apiPid, "NoNewPrivs") == "1")
      #expect(Processes.status(daemon.apiPid, "Seccomp") == "2")
      // Started by root it is another user; else there is none it could become.
      guard geteuid() == 0 else { return #expect(Set(ids) == [geteuid()]) }
      #expect(!ids.contains(0))
      #expect(Processes.status(daemon.apiPid, "Groups").split(separator: " ").allSatisfy { $0 != "0" })
      #expect(Processes.status(daemon.pid, "Uid").hasPrefix("0"))
    }
  }

  @Test func theApiProcessInheritsNothing() throws {
    let opener = ["sh", "-c", "exec 9</etc/hostname; exec \"$@\"", "sh"]
    try Daemon.with(Daemon(under: opener)) { daemon in
      for pid in [daemon.keeperPid, daemon.pid] {
        #expect(!Processes.descriptorTargets(pid).contains("/etc/hostname"))
      }
      #expect(!Processes.descriptorTargets(daemon.apiPid).contains("/etc/hostname"))
    }
  }

  @Test func aSecondDaemonOnTheSameStateIsRefused() throws {
    try Daemon.with { daemon in
      let running = try daemon.client().shell("sleep 1000")
      try Poll.until("a pid") { try daemon.client().detail(running).pid != nil }
      let other = try daemon.startAnother()
      #expect(other.status != 0)
      #expect(
        other.errorText.contains("another jobd uses the state directory \(daemon.state) (pid \(daemon.pid))"))
      let (_, status) = try daemon.client().run("/bin/true")
      #expect(status.exitCode == 0)
      // Not even what a predecessor that was killed left running: there is none.
      #expect(try daemon.client().status(running).status == .running)
    }
  }
}
