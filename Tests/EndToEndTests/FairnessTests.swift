import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A client with hundreds of jobs to launch makes no other wait for all of them. The only slot is held until all are
/// accepted, so that the order in which they are launched is the daemon's choice alone.
@Suite(.serialized) struct FairnessTests {
  private func withHeldSlot(_ body: (Daemon, _ release: () throws -> Void) throws -> Void) throws {
    try Daemon.with(["--max-running-jobs", "1"]) { daemon in
      let go = Go(daemon.scratch)
      _ = try daemon.client().shell(go.wait)
      try body(daemon) { try go() }
    }
  }

  private func create(_ count: Int, _ program: String, as client: JobClient) throws -> [JobID] {
    let results = try client.create(Array(repeating: CreateRequest(cmd: program), count: count))
    return try results.map { try #require($0.id) }
  }

  private func all(_ client: JobClient) throws -> [JobDetail] {
    let page = try client.list(["limit": "1000"])
    #expect(page.next == nil)
    return page.jobs
  }

  private func waitForTheEnd(of clients: JobClient...) throws {
    try Poll.until("all to be over", seconds: 300) {
      try clients.allSatisfy { try $0.list(["state": "running", "limit": "1"]).jobs.isEmpty }
    }
  }

  @Test func clientsAreLaunchedInTurns() throws {
    try withHeldSlot { daemon, release in
      let clients = [daemon.client("alice"), daemon.client("bob")]
      _ = try create(200, "/bin/true", as: clients[0])
      _ = try create(50, "/bin/true", as: clients[1])
      let accepted = try clients.flatMap { try all($0) }
      #expect(accepted.count == 251 && accepted.count { $0.queued == true } == 250)
      try release()
      try waitForTheEnd(of: clients[0], clients[1])
      let jobs = try clients.enumerated().flatMap { index, client in try all(client).map { (index, $0) } }
      #expect(jobs.allSatisfy { $0.1.exitCode == 0 })
      let order = jobs.sorted { $0.1.started! < $1.1.started! }.map(\.0).dropFirst()
      #expect(order.prefix(100).elementsEqual((0..<50).flatMap { _ in [order.first!, 1 - order.first!] }))
      #expect(order.dropFirst(100).allSatisfy { $0 == 0 })
    }
  }

  /// Not one is launched while the daemon ends; all are by the next.
  @Test func aDaemonThatStopsLaunchesNothingMore() throws {
    try withHeldSlot { daemon, _ in
      let file = "\(daemon.scratch.path)/launched"
      let request = CreateRequest(cmd: "sh", args: ["-c", "echo x >> \(file)"])
      let ids = try daemon.client().create(Array(repeating: request, count: 100)).compactMap(\.id)
      #expect(try daemon.stop().status == 0)
      #expect(!Files.exists(file))
      try daemon.start()
      let client = daemon.client()
      for id in ids { #expect(try client.end(of: id).exitCode == 0) }
      #expect(Files.text(file).count == 2 * ids.count)
    }
  }
}
