import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A service manager: what it is told, and the sockets it brings.
@Suite(.serialized) struct ServiceManagerTests {
  @Test func itIsToldOfTheState() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let manager = try NotifySocket(scratch)
    let environment = ["NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"]
    try Daemon.with(Daemon(environment: environment)) { daemon in
      func times(_ line: String) -> Int { manager.lines.count { $0 == line } }
      try Poll.until("that it is ready") { times("READY=1") == 1 }
      #expect(times("STATUS=Listens at 127.0.0.1:\(daemon.port)") == 1)
      daemon.signal(SIGHUP)
      try Poll.until("that it is ready again") { times("READY=1") == 2 }
      #expect(times("RELOADING=1") == 1)
      try daemon.killSupervisor()
      try Poll.until("that it is ready again") { times("READY=1") == 3 }
      #expect(try daemon.control("upgrade").status == 0)
      try Poll.until("that it is ready again") { times("READY=1") == 4 }
      let fed = times("WATCHDOG=1")
      try Poll.until("signs of life") { times("WATCHDOG=1") > fed + 3 }
      // The process that was started is the main one all the time.
      #expect(!manager.lines.contains { $0.hasPrefix("MAINPID=") })
      #expect(try daemon.stop().status == 0)
      #expect(manager.lines.last { $0 != "WATCHDOG=1" } == "STOPPING=1")
      try daemon.start()
    }
  }

  @Test func itsSocketIsTheOneThatServes() throws {
    let port = try FreePort.find()
    let under = [Programs.socketActivation, "\(port)"]
    try Daemon.with(Daemon(["--workers", "2"], under: under)) { daemon in
      #expect(daemon.port == port)
      let go = Go(daemon.scratch)
      let id = try daemon.client().shell("\(go.wait); exit 3")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      try go()
      #expect(daemon.port == port)
      #expect(try daemon.client().end(of: id).exitCode == 3)
      let (job, _) = try daemon.client().run("sh", "-c", "env; ls -l /proc/self/fd")
      let seen = try daemon.client().output(job).stdout
      #expect(!seen.contains("LISTEN_"))
    }
  }
}
