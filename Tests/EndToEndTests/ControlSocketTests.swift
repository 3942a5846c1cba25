import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `jobd status`, `reload` and `upgrade`, which say what came of it.
@Suite(.serialized) struct ControlSocketTests {
  @Test func statusTellsHowTheDaemonIs() throws {
    try Daemon.with { daemon in
      let done = try daemon.control("status")
      #expect(done.status == 0 && done.errorText.isEmpty)
      let lines = done.text.split(separator: "\n").map(String.init)
      #expect(lines.contains("state: serving") && lines.contains("address: 127.0.0.1:\(daemon.port)"))
      #expect(lines.contains("keeper: pid \(daemon.keeperPid)"))
      #expect(lines.contains("supervisor: pid \(daemon.pid), number 1 of this keeper"))
      #expect(lines.contains("api: pid \(daemon.apiPid)"))
      try daemon.killSupervisor()
      #expect(try daemon.control("status").text.contains("pid \(daemon.pid), number 2 of this keeper"))
    }
  }

  @Test func aSocketThatWasRemovedIsMadeAnew() throws {
    try Daemon.with { daemon in
      try #require(unlink("\(daemon.state)/control") == 0)
      #expect(try daemon.control("status").status == 1)
      try daemon.killSupervisor()
      #expect(try daemon.control("status").status == 0)
    }
  }

  @Test func onlyTheOwnerMayAsk() throws {
    try Daemon.with { daemon in
      var info = stat()
      #expect(stat("\(daemon.state)/control", &info) == 0 && info.st_mode & 0o777 == 0o600)
      #expect(info.st_uid == geteuid())
    }
  }

  @Test func whoAsksWhileThereIsNoSupervisorWaitsForTheNext() throws {
    try Daemon.with { daemon in
      var asked: Running?
      try daemon.killSupervisor {
        asked = try daemon.startControl("status")
        usleep(200_000)
        #expect(asked?.hasEnded == false)
      }
      let done = try #require(asked).wait()
      #expect(done.text.contains("state: "), "\(done.errorText)")
    }
  }

  @Test func aReloadTellsItsOutcome() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options) { daemon in
      let before = daemon.apiPid
      let done = try daemon.control("reload")
      #expect(done.status == 0 && done.text == "process \(daemon.apiPid) serves\n")
      #expect(daemon.apiPid != before)
      try Files.write(Array("nonsense".utf8), to: "\(own.directory)/server.crt")
      let failed = try daemon.control("reload")
      #expect(failed.status == 1)
      #expect(failed.errorText.contains("the fresh api process did not start"), "\(failed.errorText)")
      #expect(try daemon.control("status").text.contains("state: serving"))
    }
  }

  @Test func anUpgradeTellsItsOutcome() throws {
    try Daemon.with(copiesBinary: true) { daemon in
      let id = try daemon.client().shell("sleep 3; exit 3")
      let (supervisor, keeper) = (daemon.pid, daemon.keeperPid)
      let done = try daemon.control("upgrade")
      #expect(done.status == 0 && done.text.hasSuffix("serves\n"), "\(done.errorText)")
      #expect(daemon.pid != supervisor && daemon.keeperPid == keeper)
      try Programs.install(script: "#!/bin/sh\nexit 1\n", at: daemon.program, daemon.scratch)
      let failed = try daemon.control("upgrade")
      #expect(failed.status == 1, "\(failed.text)")
      #expect(failed.errorText.contains("the new binary does not start: code 1"))
      #expect(try daemon.client().end(of: id).exitCode == 3)
    }
  }

  @Test func whereNoDaemonIsItSaysSo() throws {
    try Daemon.with { daemon in
      let other = daemon.scratch.fresh("state")
      for request in ["status", "reload", "upgrade"] {
        let done = try Running(
          Programs.jobd, [request, "--state-directory", other], directory: daemon.scratch
        ).wait()
        #expect(done.status == 1)
        #expect(done.errorText == "jobd: no jobd serves the state directory \(other)\n")
      }
      _ = try daemon.stop()
      let done = try daemon.control("status")
      #expect(done.status == 1 && done.errorText.contains("no jobd serves"))
      try daemon.start()
    }
  }
}
