import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The certificates that are on disk now: they are taken when they change, and at SIGHUP.
@Suite(.serialized) struct ReloadTests {
  /// The serial number of a certificate, as the openssl command prints it.
  private func serial(_ arguments: [String], input: String = "", _ scratch: Scratch) throws -> String {
    let shown = try Running("openssl", arguments, input: Array(input.utf8), directory: scratch).wait()
    let print = ["x509", "-noout", "-serial"]
    return try Running("openssl", print, input: shown.output, directory: scratch).wait().text
  }

  private func served(_ daemon: Daemon) throws -> String {
    try serial(["s_client", "-connect", "127.0.0.1:\(daemon.port)"], daemon.scratch)
  }

  private func reload(_ daemon: Daemon, until event: String) throws {
    func count() -> Int { daemon.log.split(separator: "\n").filter { $0.contains("event=\(event)") }.count }
    let before = count()
    daemon.signal(SIGHUP)
    try Poll.until(event) { count() > before }
  }

  @Test func aNewServerCertificateIsServedWhileJobsGoOn() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options) { daemon in
      let job = try daemon.client().shell("read line; exit 6")
      let old = try served(daemon)
      #expect(old.hasPrefix("serial="))
      let made = try Running(
        Programs.jobctl, ["ca", "server", "--dir", own.directory, "--host", "localhost", "--force"],
        directory: daemon.scratch
      ).wait()
      try #require(made.status == 0, "\(made.errorText)")
      try daemon.waitForLog("event=reloaded")
      let new = try served(daemon)
      #expect(new != old)
      #expect(try new == serial(["x509", "-in", "\(own.directory)/server.crt"], daemon.scratch))
      #expect(try daemon.client().end(of: job).exitCode == 6)
    }
  }

  @Test func anAuthorityThatIsTakenAwayLetsNobodyIn() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options) { daemon in
      #expect(try daemon.curl("GET", "/jobs").status == 200)
      let other = "\(daemon.pki.directory)/other"
      try Files.write(Files.read("\(other)/ca.crt"), to: "\(own.directory)/ca.crt")
      try reload(daemon, until: "reloaded")
      #expect(throws: ClientError.self) { try daemon.client().list([:]) }
      let alice = ["--cert", "\(other)/alice.crt", "--key", "\(other)/alice.key"]
      #expect(try daemon.curlFails(["--cacert", "\(daemon.pki.directory)/ca.crt"] + alice).status == 0)
    }
  }

  @Test func filesThatCannotBeUsedLeaveTheOldOnesInUse() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options) { daemon in
      let before = daemon.apiPid
      try Files.write(Array("nonsense".utf8), to: "\(own.directory)/server.crt")
      try reload(daemon, until: "reload_failed")
      #expect(Processes.isAlive(before))
      #expect(try daemon.client().run("/bin/true").1.exitCode == 0)
    }
  }

  /// Nobody is left without a reply by the process that ends, however long it was to wait.
  @Test func whoWaitsForAJobIsAnsweredByTheReplacedProcess() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let jobs = try (0..<2).map { _ in try client.shell("sleep 1000") }
      let waiters = try (0..<100).map { number in
        let connection = try Connection(client.settings)
        try connection.send("GET", Route.status.target(jobs[number % 2], ["wait": "1000h"]))
        return connection
      }
      try Processes.waitUntilIdle(daemon.apiPid)
      try reload(daemon, until: "reloaded")
      for waiter in waiters {
        #expect(try waiter.reply() == 200)
        #expect(try waiter.readAll() == Array(#"{"status":"running"}"#.utf8))
      }
    }
  }

  /// A follower may take as long as its job: the replaced process is not kept for it, and it goes on with the next one.
  @Test func whoFollowsAJobGoesOnWithTheNextProcess() throws {
    try Daemon.with(["--drain-time", "300ms"]) { daemon in
      let go = Go(daemon.scratch)
      let script = "echo before; \(go.wait); echo after; exit 6"
      let run = try daemon.startJobctl(["run", "sh", "-c", script])
      let events = try daemon.startJobctl(["events", "-f"])
      try Poll.until("output and events") { run.text == "before\n" && events.text.contains("created") }
      let old = daemon.apiPid
      try reload(daemon, until: "reloaded")
      try Poll.until("the replaced process to end") { !Processes.isAlive(old) }
      try go()
      let done = try run.wait()
      #expect(done.status == 6 && done.text == "before\nafter\n" && done.errorText.isEmpty)
      try Poll.until("the job's end among the events") { events.text.contains("finished") }
      events.signal(SIGTERM)
      _ = try events.wait()
    }
  }
}
