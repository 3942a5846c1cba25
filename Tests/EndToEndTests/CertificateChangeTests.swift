import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Certificates, key and revocation list are taken when they change, without a command.
@Suite(.serialized) struct CertificateChangeTests {
  private func count(_ event: String, _ daemon: Daemon) -> Int {
    daemon.log.split(separator: "\n").count { $0.contains("event=\(event)") }
  }

  private func isLetIn(_ client: String, _ daemon: Daemon) -> Bool {
    (try? daemon.client(client).list([:])) != nil
  }

  /// An upload that goes on.
  private func upload(_ daemon: Daemon, as client: String) throws -> RawClient {
    var request = CreateRequest(cmd: "cat")
    request.stdinOpen = true
    let id = try daemon.client(client).create(request)
    let upload = try daemon.rawClient(client)
    #expect(try upload.get("/jobs").status == 200)
    try upload.send(
      "PUT /jobs/\(id)/stdin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nbefore\n")
    try Poll.until("what came before") { try daemon.client(client).output(id).stdout == "before\n" }
    return upload
  }

  @Test func whoIsRevokedByJobctlIsCutOff() throws {
    let own = try OwnPki(clients: ["alice", "bob"])
    defer { own.scratch.remove() }
    func revoke(_ client: String) throws {
      let done = try Running(
        Programs.jobctl, ["ca", "revoke", "--dir", own.directory, client], directory: own.scratch
      ).wait()
      #expect(done.status == 0, "\(done.errorText)")
    }
    try Daemon.with(own.options) { daemon in
      let (alice, bob) = (try upload(daemon, as: "alice"), try upload(daemon, as: "bob"))
      try revoke("alice")
      try Poll.until("the end of the connection") { alice.isCut }
      #expect(!isLetIn("alice", daemon) && isLetIn("bob", daemon))
      // In the process that was replaced before.
      #expect(!bob.isCut)
      try revoke("bob")
      try Poll.until("the end of the other connection") { bob.isCut }
      #expect(!isLetIn("bob", daemon))
      #expect(daemon.log.contains("the client is let in no more: certificate revoked"))
    }
  }

  /// As while one authority takes the place of another: both have the same name.
  @Test func clientsOfAnAuthorityWithoutAListAreNotConcerned() throws {
    let own = try OwnPki(clients: ["alice", "bob"])
    defer { own.scratch.remove() }
    let other = "\(try Pki.shared.get().directory)/other"
    try Files.write(
      Files.read("\(own.directory)/ca.crt") + Files.read("\(other)/ca.crt"), to: "\(own.directory)/ca.crt")
    try Daemon.with(own.options) { daemon in
      let settings = ConnectionSettings(
        host: "localhost", port: UInt16(daemon.port), authorityFile: "\(daemon.pki.directory)/ca.crt",
        certificateFile: "\(other)/alice.crt", keyFile: "\(other)/alice.key")
      let id = try JobClient(settings).shell("sleep 1000")
      let following = try Running(
        Programs.jobctl, ["logs", "-f", "\(id)"],
        environment: daemon.jobctlEnvironment("alice").merging(
          ["JOBCTL_CERT": settings.certificateFile, "JOBCTL_KEY": settings.keyFile], uniquingKeysWith: { $1 }),
        directory: daemon.scratch)
      defer { following.signal(SIGKILL) }
      let bob = try upload(daemon, as: "bob")
      let done = try Running(
        Programs.jobctl, ["ca", "revoke", "--dir", own.directory, "bob"], directory: own.scratch
      ).wait()
      #expect(done.status == 0, "\(done.errorText)")
      try Poll.until("the end of the connection") { bob.isCut }
      #expect(!isLetIn("bob", daemon) && isLetIn("alice", daemon))
      #expect(try JobClient(settings).detail(id).status == .running)
      #expect(count("peer_failed", daemon) > 0)
      #expect(
        !daemon.log.split(separator: "\n").contains {
          $0.contains("let in no more") && !$0.contains("certificate revoked")
        })
    }
  }

  /// A daemon whose list, with alice on it, is gone.
  private func withVanishedList(_ body: (Daemon, RevocationLists) throws -> Void) throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    try lists.revoke("\(try Pki.shared.get().directory)/alice.crt")
    try Daemon.with(lists.own.options) { daemon in
      #expect(!isLetIn("alice", daemon) && isLetIn("bob", daemon))
      unlink("\(lists.own.directory)/ca.crl")
      try daemon.waitForLog("event=reload_failed")
      try body(daemon, lists)
    }
  }

  /// It is known to whoever takes over from a supervisor.
  @Test func aListThatVanishesIsMissedByTheNextSupervisorToo() throws {
    try withVanishedList { daemon, lists in
      kill(daemon.pid, SIGKILL)
      try Poll.until("that it says so") { daemon.log.contains("event=api_died") }
      #expect(!isLetIn("alice", daemon))
      try lists.list()
      try Poll.until("that it serves") { isLetIn("bob", daemon) }
      #expect(!isLetIn("alice", daemon))
    }
  }

  @Test func theListBesideTheAuthorityIsUsedWhenItIsThere() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    let list = "\(lists.own.directory)/ca.crl"
    unlink(list)
    try Daemon.with(lists.own.options) { daemon in
      #expect(isLetIn("alice", daemon))
      let report = try daemon.control("check-config").text
      #expect(report.contains("crl_file: \"\","))
      try lists.revoke("\(daemon.pki.directory)/alice.crt")
      try Poll.until("that the list is used") { !isLetIn("alice", daemon) }
      #expect(try daemon.control("check-config").text.contains("crl_file: \"\(list)\","))
    }
  }

  @Test func aListThatVanishesStaysInUse() throws {
    try withVanishedList { daemon, lists in
      #expect(daemon.log.contains("without it who was revoked is let in again"), "\(daemon.log)")
      #expect(!isLetIn("alice", daemon) && isLetIn("bob", daemon))
      let reload = try daemon.control("reload")
      #expect(reload.status != 0 && !isLetIn("alice", daemon))
      #expect(reload.errorText.contains("put it back"), "\(reload.errorText)")
      try lists.list()
      try daemon.waitForLog("event=reloaded")
      #expect(!isLetIn("alice", daemon) && isLetIn("bob", daemon))
    }
  }

  @Test func filesThatCannotBeUsedAreTriedAgainWhenTheyChange() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    let file = "\(own.directory)/server.crt"
    let certificate = Files.read(file)
    try Daemon.with(own.options) { daemon in
      let before = daemon.apiPid
      try Files.write(Array("nonsense".utf8), to: file)
      try daemon.waitForLog("event=reload_failed")
      #expect(Processes.isAlive(before))
      #expect(try daemon.client().run("/bin/true").1.exitCode == 0)
      try Files.write(certificate, to: file)
      try daemon.waitForLog("event=reloaded")
      #expect(try daemon.client().run("/bin/true").1.exitCode == 0)
    }
  }

  /// One that never ends is not begun, and one of somebody else lets nobody in that is revoked.
  @Test func whatIsNoListOfTheAuthorityIsNotTaken() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    let file = "\(lists.own.directory)/ca.crl"
    try lists.revoke("\(try Pki.shared.get().directory)/alice.crt")
    let other = try Scratch()
    defer { other.remove() }
    for command in [["init"], ["revoke", "0x10"]] {
      let done = try Running(
        Programs.jobctl, ["ca"] + command + ["--dir", other.path], directory: other
      ).wait()
      try #require(done.status == 0, "\(done.errorText)")
    }
    try Daemon.with(lists.own.options) { daemon in
      let api = daemon.apiPid
      unlink(file)
      mkfifo(file, 0o644)
      try Poll.until("no file") { daemon.log.contains("it is no regular file") }
      unlink(file)
      mkdir(file, 0o755)
      try Poll.until("no file either") { count("reload_failed", daemon) >= 2 }
      rmdir(file)
      try Files.write(Files.read("\(other.path)/ca.crl"), to: file)
      try Poll.until("that it is another's") { daemon.log.contains("it is of none of the authorities") }
      #expect(Processes.isAlive(api) && !isLetIn("alice", daemon) && isLetIn("bob", daemon))
      try lists.revoke("\(daemon.pki.directory)/bob.crt")
      try Poll.until("that the right one is taken") { !isLetIn("bob", daemon) }
    }
  }

  /// What is being edited is not taken before its owner says so.
  @Test func theConfigurationIsNotReadWithThem() throws {
    let own = try OwnPki()
    defer { own.scratch.remove() }
    try Daemon.with(own.options) { daemon in
      try daemon.configure("{ clients: { alice: { running_jo")
      try Files.write(Files.read("\(own.directory)/ca.crt"), to: "\(own.directory)/ca.crt")
      try daemon.waitForLog("event=reloaded")
      #expect(count("reload_failed", daemon) == 0)
    }
  }
}
