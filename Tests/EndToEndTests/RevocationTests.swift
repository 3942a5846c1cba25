import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Who is let in no more, and when that takes effect.
@Suite(.serialized) struct RevocationTests {
  private static var cat: CreateRequest {
    var request = CreateRequest(cmd: "cat")
    request.stdinOpen = true
    return request
  }

  private func reload(_ daemon: Daemon) throws {
    func count() -> Int { daemon.log.split(separator: "\n").count { $0.contains("event=reloaded") } }
    let before = count()
    daemon.signal(SIGHUP)
    try Poll.until("reloaded") { count() > before }
  }

  @Test func whoIsRevokedFeedsNoJobAndCreatesNone() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    try Daemon.with(lists.options) { daemon in
      let id = try daemon.client().create(Self.cat)
      let (feeding, creating) = (try daemon.rawClient(), try daemon.rawClient())
      let other = try daemon.rawClient("bob")
      for client in [feeding, creating, other] { #expect(try client.get("/jobs").status == 200) }
      try feeding.send(
        "PUT /jobs/\(id)/stdin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nbefore\n")
      let body = #"{"cmd": "sleep", "args": ["1000"]}"#
      try creating.send(
        "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body.prefix(20))")
      try Poll.until("what came before") { try daemon.client().output(id).stdout == "before\n" }
      try lists.revoke("\(daemon.pki.directory)/alice.crt")
      try reload(daemon)
      for client in [feeding, creating] { try Poll.until("the end of a connection") { client.isCut } }
      try? feeding.send("after\n")
      try? creating.send("\(body.dropFirst(20))")
      try daemon.waitForLog("the client is let in no more: certificate revoked")
      #expect(throws: ClientError.self) { try daemon.client().list([:]) }
      // The job is the revoked client's still, and nothing more came in.
      try lists.list()
      let running = Files.text("\(daemon.state)/output/\(id).stdout")
      #expect(running.isEmpty || running == "before\n")
      #expect(daemon.log.contains("revoked"))
      #expect(try daemon.rawClient("bob").get("/jobs").status == 200)
    }
  }

  @Test func uploadsKeepNoReplacedProcessForLong() throws {
    try Daemon.with(["--drain-time", "300ms"]) { daemon in
      let id = try daemon.client().create(Self.cat)
      func apis() -> Int { Processes.descendants(daemon.keeperPid).count(where: Processes.isApi) }
      for _ in 0..<3 {
        // A handshake that the replaced process had begun, it does not end.
        let client = try (try? daemon.rawClient()) ?? daemon.rawClient()
        try client.send("PUT /jobs/\(id)/stdin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
        try Processes.waitUntilIdle(daemon.apiPid)
        try reload(daemon)
      }
      try Poll.until("one api process") { apis() == 1 }
    }
  }

  @Test func clientsOfARevokedIntermediateAreRefused() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    try lists.makeIntermediate()
    try lists.list(of: "intermediate", append: true)
    try Daemon.with(lists.options) { daemon in
      let carol = ["--cert", "\(lists.own.directory)/carol.crt", "--key", "\(lists.own.directory)/carol.key"]
      let ps =
        ["ps", "--server", "127.0.0.1:\(daemon.port)", "--ca", "\(daemon.pki.directory)/ca.crt"] + carol
      func ask() throws -> Finished { try Running(Programs.jobctl, ps, directory: daemon.scratch).wait() }
      #expect(try ask().status == 0)
      try lists.revoke("\(lists.own.directory)/intermediate.crt")
      try lists.list(of: "intermediate", append: true)
      try reload(daemon)
      #expect(try ask().status != 0)
      try daemon.waitForLog("certificate revoked")
    }
  }

  /// That is not the clients' fault, and they are not told so.
  @Test func aRevocationListThatHasExpiredIsNamed() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    try lists.list(until: "20200201000000Z")
    try Daemon.with(lists.options) { daemon in
      #expect(daemon.log.contains("event=expired what=\"the revocation list\""))
      let asked = try daemon.jobctl("ps")
      #expect(asked.status != 0 && !asked.errorText.contains("expired"), "\(asked.errorText)")
      #expect(asked.errorText.contains("daemon's log"), "\(asked.errorText)")
      try daemon.waitForLog("CRL has expired (issuer")
      try daemon.waitForLog(lists.path)
    }
  }

  @Test func whenWhatExpiresIsAMetric() throws {
    let lists = try RevocationLists()
    defer { lists.own.scratch.remove() }
    try lists.list()
    try Daemon.with(lists.options + ["--client-role", "operator"]) { daemon in
      let lines = try daemon.curl("GET", "/metrics").text.split(separator: "\n")
      func days(_ file: String) throws -> Int {
        let line = try #require(lines.first { $0.contains("_expiry_timestamp_seconds{file=\"\(file)\"}") })
        return (try #require(Int(line.split(separator: " ")[1])) - time(nil)) / 86_400
      }
      #expect((29...30).contains(try days("crl")))
      #expect(try days("client_ca") > 3000 && days("certificate") > 100)
      #expect(!daemon.log.contains("event=expires_soon"))
    }
  }

  @Test func peersThatDoNotShakeHandsTakeNoPlaces() throws {
    try Daemon.with(["--workers", "1", "--max-connections", "30", "--max-handshakes", "5"]) { daemon in
      let silent = try (0..<60).map { _ in try RawClient.connect(UInt16(daemon.port)) }
      defer { for peer in silent { close(peer) } }
      let clients = try (0..<10).map { _ in try daemon.rawClient() }
      for client in clients { #expect(try client.get("/jobs").status == 200) }
    }
  }

  @Test func checkConfigOpensWhatItNames() throws {
    let pki = try Pki.shared.get()
    func check(_ options: String...) throws -> Finished {
      let scratch = try Scratch()
      defer { scratch.remove() }
      return try Running(Programs.jobd, ["check-config"] + pki.serverOptions + options, directory: scratch)
        .wait()
    }
    #expect(try check().status == 0)
    for (options, named) in [
      (["--crl-file", "/nonexistent/crl.pem"], "/nonexistent/crl.pem"),
      (["--client-ca-file", "/nonexistent/ca.crt"], "/nonexistent/ca.crt"),
      (["--cgroup-parent", "/nonexistent/cgroup"], "/nonexistent/cgroup"),
      (
        ["--certificate-file", "\(pki.directory)/alice.crt", "--key-file", "\(pki.directory)/alice.key"],
        "serverAuth"
      ),
    ] {
      let scratch = try Scratch()
      defer { scratch.remove() }
      let arguments = ["check-config"] + pki.serverOptions + options
      let done = try Running(Programs.jobd, arguments, directory: scratch).wait()
      #expect(done.status != 0 && done.errorText.contains(named), "\(options): \(done.errorText)")
    }
  }
}
