import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Clients that do harm as well as they can: they are cut off or told to wait, others are served meanwhile, and what they
/// held comes back.
@Suite(.serialized) struct HostileTests {
  /// What the api process holds.
  private struct Held {
    let descriptors: Int
    /// KiB.
    let memory: Int

    init(_ daemon: Daemon) {
      descriptors = Processes.descriptors(daemon.apiPid)
      memory = Processes.resident(daemon.apiPid)
    }
  }

  /// Runs an attack by alice. Others are served while it lasts, and then all is as it was before.
  private func withstand(
    _ options: [String] = [], memory most: Int = 64 << 10, _ attack: (Daemon) throws -> Void
  ) throws {
    try Daemon.with(options) { daemon in
      // What the first of everything loads.
      for client in ["alice", "bob"] { _ = try daemon.client(client).run("/bin/true") }
      let before = Held(daemon)
      try attack(daemon)
      try serveOthers(daemon)
      try Poll.until("what was held to come back") {
        let now = Held(daemon)
        return now.descriptors <= before.descriptors && now.memory < before.memory + most
      }
      #expect(!daemon.log.contains("event=api_died"))
    }
  }

  private func serveOthers(_ daemon: Daemon) throws {
    let bob = daemon.client("bob")
    for _ in 0..<5 { #expect(try bob.run("/bin/true").1.exitCode == 0) }
    #expect(try bob.list().jobs.count >= 5)
  }

  /// A load that goes on until it is ended.
  private func startLoad(_ daemon: Daemon, _ mode: String, _ options: String...) throws -> Running {
    try daemon.startLoad([mode, "--seconds", "3600"] + options)
  }

  /// Ends a program that would go on.
  private func end(_ load: Running) throws {
    #expect(!load.hasEnded, "\(load.errorText)")
    load.signal(SIGKILL)
    _ = try load.wait()
  }

  private func isClosed(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN)
  }

  // MARK: slow ones

  @Test func slowHandshakesAreCutOff() throws {
    try withstand(["--handshake-timeout", "1s"]) { daemon in
      let peers = try (0..<100).map { _ in try RawClient.connect(UInt16(daemon.port)) }
      defer { for peer in peers { close(peer) } }
      let hello: [UInt8] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]
      try serveOthers(daemon)
      var sent = 0
      try Poll.until("all to be cut off") {
        for peer in peers {
          send(peer, [sent < hello.count ? hello[sent] : 0], 1, Int32(MSG_NOSIGNAL))
        }
        sent += 1
        return peers.allSatisfy(isClosed)
      }
      #expect(daemon.log.contains("the handshake took too long"))
    }
  }

  @Test func slowHeadersAreAnswered408() throws {
    try withstand(["--head-timeout", "1s"]) { daemon in
      let client = try daemon.rawClient()
      try client.send("GET /jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
      try serveOthers(daemon)
      var pieces = 0
      while pieces < 1000, !isReadable(client.descriptor) {
        try client.send("x")
        pieces += 1
      }
      #expect(try client.reply().status == 408)
      #expect(client.rest().closedInOrder)
    }
  }

  @Test func aBodyThatDoesNotComeIsAnswered408() throws {
    try withstand(["--body-timeout", "1s"]) { daemon in
      let client = try daemon.rawClient()
      try client.send("PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"cmd\":")
      try serveOthers(daemon)
      #expect(try client.reply().status == 408)
      #expect(client.rest().closedInOrder)
      #expect(try daemon.client().list().jobs.count == 1)
    }
  }

  /// Waits for a tenth of a second.
  private func isReadable(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 100) == 1
  }

  @Test func aFollowerThatDoesNotReadIsCutOffAndItsJobGoesOn() throws {
    try withstand(["--write-timeout", "1s", "--output-limit", "1GiB"]) { daemon in
      let client = daemon.client()
      let before = Held(daemon)
      let id = try client.shell("head -c 300000000 /dev/zero; exit 5")
      let followers = try (0..<20).map { _ in try daemon.rawClient(receiveBuffer: 4096) }
      for follower in followers {
        try follower.send("GET /jobs/\(id)/stdout?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
      }
      try serveOthers(daemon)
      #expect(try client.end(of: id).exitCode == 5)
      #expect(try client.detail(id).stdoutBytes == 300_000_000)
      try Poll.until("all to be cut off") {
        daemon.log.contains("the peer does not read its reply")
          && Held(daemon).descriptors <= before.descriptors + 1
      }
      for follower in followers { #expect(!follower.rest().closedInOrder) }
    }
  }

  // MARK: programs

  /// Whoever executes a file on which somebody holds a lease (fcntl(2), F_SETLEASE) waits until it is given back, or for
  /// three quarters of a minute.
  @Test(.enabled(if: geteuid() == 0)) func programsThatDoNotComeToRunKeepNobodyWaiting() throws {
    let daemon = try Daemon(["--launchers", "2"])
    defer { daemon.scratch.remove() }
    defer { daemon.end() }
    signal(SIGIO, SIG_IGN)
    let leased = "\(daemon.scratch.path)/leased"
    try Programs.install("/bin/true", at: leased, daemon.scratch)
    let lease = open(leased, O_RDONLY | O_CLOEXEC)
    defer { close(lease) }
    try #require(fcntl(lease, 1024, F_WRLCK) == 0)
    let client = daemon.client()
    let stuck = try (0..<40).map { _ in try client.create(CreateRequest(cmd: leased)) }
    #expect(try daemon.client("bob").run("/bin/true").1.exitCode == 0)
    // Both one that waits for its launch and one that is being launched.
    #expect(try client.stop(stuck[39]).status == .error)
    #expect(try client.stop(stuck[0], grace: DurationText("0s")).status == .error)
    try client.delete(stuck[1])
    #expect(try daemon.stop().status == 0)
  }

  // MARK: much

  @Test func bodiesThatNeverEndHoldBoundedMemory() throws {
    try withstand(["--client-memory", "16MiB"]) { daemon in
      let before = Held(daemon)
      let head = "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\n\r\n"
      let body = [UInt8](repeating: 0x20, count: 3 << 20)
      let clients = try (0..<60).map { _ in
        let client = try daemon.rawClient()
        // One that is refused may be gone before it has sent all.
        try? client.send(Array(head.utf8) + body)
        return client
      }
      #expect(Held(daemon).memory < before.memory + (96 << 10))
      try serveOthers(daemon)
      withExtendedLifetime(clients) {}
    }
  }

  @Test func inlineInputIsInMemoryWithinBounds() throws {
    try withstand(["--client-memory", "4MiB", "--client-role", "operator"]) { daemon in
      let input = String(repeating: "x", count: 1 << 20)
      func create() throws -> CurlReply {
        try daemon.curl("PUT", "/jobs", body: #"{"cmd":"sleep","args":["1000"],"stdin":"\#(input)"}"#)
      }
      for _ in 0..<4 { #expect(try create().status == 200) }
      let refused = try create()
      #expect(refused.status == 503 && refused.headers.lowercased().contains("retry-after:"))
      #expect(refused.text.contains("standard input"))
      #expect(try Metrics(daemon)["jobd_refusals_total{limit=\"client_memory\"}"] == 1)
      let jobs = try daemon.client().list(["state": "running"]).jobs.map(\.id)
      try daemon.client().delete(try #require(jobs.first))
      #expect(try create().status == 200)
      for job in try daemon.client().list(["state": "running"]).jobs { try daemon.client().delete(job.id) }
    }
  }

  @Test func inputThatNobodyReadsIsInMemoryWithinBounds() throws {
    try withstand(["--client-memory", "1MiB"]) { daemon in
      let client = daemon.client()
      var request = CreateRequest(cmd: "sleep", args: ["1000"])
      request.stdinOpen = true
      let job = try client.create(request)
      let head = "PUT /jobs/\(job)/stdin?close=0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n"
      // Each leaves its piece behind.
      try Poll.until("no room") {
        let feeder = try daemon.rawClient()
        // The session ticket comes with the first reply.
        #expect(try feeder.get("/jobs").status == 200)
        try feeder.send(Array(head.utf8) + [UInt8](repeating: 0x78, count: 60_000))
        guard isReadable(feeder.descriptor) else { return false }
        let reply = try feeder.reply()
        return reply.status == 503 && reply.text.contains("have not read")
      }
      try client.delete(job)
      request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let next = try client.create(request)
      try client.feed(next, Array("read".utf8), close: true)
      #expect(try client.end(of: next).exitCode == 0)
    }
  }

  /// What the kernel keeps for a peer that does not read is the daemon's memory too.
  @Test func aPeerThatDoesNotReadHoldsLittleInTheKernel() throws {
    try Daemon.with(["--output-limit", "1GiB"]) { daemon in
      let id = try daemon.client().shell("head -c 50000000 /dev/zero")
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let deaf = try daemon.rawClient(receiveBuffer: 4096)
      try deaf.send("GET /jobs/\(id)/stdout HTTP/1.1\r\nHost: localhost\r\n\r\n")
      var last = -1
      try Poll.until("the kernel to take no more") {
        let now = Self.unsent(port: daemon.port)
        defer { last = now }
        return now > 0 && now == last
      }
      #expect(last <= 512 << 10, "\(last) bytes")
      deaf.hangUp()
    }
  }

  /// Bytes that the peers of a port have not taken: the queue to send, in /proc/net/tcp (proc_net_tcp.txt).
  private static func unsent(port: Int) -> Int {
    let suffix = ":" + String(String(port + 0x10000, radix: 16, uppercase: true).dropFirst())
    return Files.text("/proc/net/tcp").split(separator: "\n").dropFirst().reduce(0) { sum, line in
      let fields = line.split(separator: " ")
      guard fields[1].hasSuffix(suffix), fields[3] == "01" else { return sum }
      return sum + (Int(fields[4].prefix { $0 != ":" }, radix: 16) ?? 0)
    }
  }

  // MARK: many

  @Test func tenThousandIdleConnectionsAreHeldAndLetGo() throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let count = min(10_000, Int(clamping: limit.rlim_max) - 1000)
    // Their sessions can be resumed and stay in the cache, with what else is in their pages.
    try withstand(memory: count * 16) { daemon in
      let before = Held(daemon)
      let load = try startLoad(
        daemon, "get", "--connections", "\(count)", "--rate", "20", "--path", "/jobs?limit=1")
      try Poll.until("\(count) connections", seconds: 300) {
        #expect(!load.hasEnded, "\(load.errorText)")
        return load.hasEnded || Processes.descriptors(daemon.apiPid) >= count
      }
      try serveOthers(daemon)
      #expect(Held(daemon).memory < before.memory + count * 40)
      try end(load)
    }
  }

  @Test func aFloodOfHandshakesLeavesNothing() throws {
    try withstand { daemon in
      let load = try startLoad(daemon, "handshake", "--connections", "64")
      for _ in 0..<3 { try serveOthers(daemon) }
      try end(load)
    }
  }

  @Test func connectionsBeyondAClientsLimitAreAnswered429() throws {
    try withstand(["--client-connections", "8"]) { daemon in
      let held = try (0..<8).map { _ in try daemon.rawClient() }
      for client in held { #expect(try client.get("/jobs").status == 200) }
      let refused = try daemon.rawClient()
      let reply = try refused.get("/jobs")
      #expect(reply.status == 429)
      #expect(reply.fields["retry-after"] == "1")
      try serveOthers(daemon)
      for client in held { #expect(try client.get("/jobs").status == 200) }
    }
  }

  // MARK: creating

  @Test func creationsBeyondAClientsRateAreAnswered429() throws {
    try withstand(["--client-create-rate", "20"]) { daemon in
      let client = daemon.client()
      let results = try client.create(Array(repeating: CreateRequest(cmd: "/bin/true"), count: 500))
      let refused = results.filter { $0.status == 429 }
      #expect(refused.count > 400 && results.filter { $0.id != nil }.count >= 19)
      var reply = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#)
      while reply.status == 200 { reply = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#) }
      #expect(reply.status == 429)
      #expect(reply.headers.lowercased().contains("retry-after: 1"))
    }
  }

  @Test func aClientThatStoresTooMuchIsToldSoUntilItDeletes() throws {
    try withstand(["--client-stored-bytes", "1MiB"]) { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("head", "-c", "2000000", "/dev/zero")
      let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#)
      #expect(refused.status == 429)
      #expect(refused.headers.lowercased().contains("retry-after: 1"))
      try serveOthers(daemon)
      try client.delete(id)
      #expect(try client.run("/bin/true").1.exitCode == 0)
    }
  }

  @Test func aFloodOfCreationsLeavesOthersTheirPlace() throws {
    try withstand(["--client-running-jobs", "200"]) { daemon in
      let load = try startLoad(daemon, "flood", "--connections", "16", "--batch", "50")
      for _ in 0..<3 { try serveOthers(daemon) }
      try end(load)
    }
  }
}
