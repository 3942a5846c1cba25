import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A client with hundreds of jobs to launch makes no other wait for all of them. A gate holds the one launcher until all
/// are accepted, so that the order in which they are launched is the daemon's choice alone.
@Suite(.serialized) struct FairnessTests {
  /// Launches that are under way with one launcher, in the order of their coming; all others wait for their turn.
  private static let underWay = 8

  private func withGate(_ body: (Daemon, Gate) throws -> Void) throws {
    try Daemon.with(["--launchers", "1"]) { daemon in
      let gate = try Gate(daemon.scratch)
      _ = try daemon.client().create(CreateRequest(cmd: gate.program))
      try gate.waitUntilReached()
      try body(daemon, gate)
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
    try withGate { daemon, gate in
      let clients = [daemon.client("alice"), daemon.client("bob")]
      _ = try create(300, "/bin/true", as: clients[0])
      _ = try create(100, "/bin/true", as: clients[1])
      let accepted = try clients.flatMap { try all($0) }
      #expect(accepted.count == 401 && accepted.allSatisfy { $0.started == nil })
      gate.open()
      try waitForTheEnd(of: clients[0], clients[1])
      let jobs = try clients.enumerated().flatMap { index, client in try all(client).map { (index, $0) } }
      #expect(jobs.allSatisfy { $0.1.exitCode == 0 })
      let order = jobs.sorted { $0.1.started! < $1.1.started! }.map(\.0)
      let turns = order.dropFirst(Self.underWay)
      #expect(order.prefix(Self.underWay).allSatisfy { $0 == 0 })
      #expect(turns.prefix(200).elementsEqual((0..<100).flatMap { _ in [turns.first!, 1 - turns.first!] }))
      #expect(turns.dropFirst(200).allSatisfy { $0 == 0 })
    }
  }

  /// It is over while most of the others have not begun, however long that takes.
  @Test func aSingleJobIsNotLaunchedAfterAFloodOfAnothers() throws {
    try withGate { daemon, gate in
      let (alice, bob) = (daemon.client("alice"), daemon.client("bob"))
      let second = try Gate(daemon.scratch)
      _ = try create(20, "/bin/true", as: alice)
      let held = try create(900, second.program, as: alice)
      let single = try bob.create(CreateRequest(cmd: "/bin/true"))
      gate.open()
      try Poll.until("the single job's end", seconds: 30) { try bob.status(single).status == .completed }
      let begun = Set(try all(alice).filter { $0.started != nil }.map(\.id))
      #expect(begun.count <= 21 && begun.isDisjoint(with: held))
      second.open()
      try waitForTheEnd(of: alice)
      #expect(try all(alice).allSatisfy { $0.exitCode == 0 })
    }
  }

  /// What waits for its launch can be ended: it is not launched then, and what is behind it comes sooner.
  @Test func jobsThatWaitForTheirLaunchCanBeStoppedAndDeleted() throws {
    try withGate { daemon, gate in
      let client = daemon.client()
      let file = "\(daemon.scratch.path)/launched"
      let touch = CreateRequest(cmd: "touch", args: [file])
      let flood = try create(300, "/bin/true", as: client)
      let last = try client.create([touch, touch]).compactMap(\.id)
      let stopped = try client.stop(last[0], grace: DurationText("0s"))
      try client.delete(last[1])
      #expect(stopped.status == .error)
      #expect(stopped.errorMessage == "the job was stopped before it was started")
      #expect(throws: ClientError.self) { try client.status(last[1]) }
      gate.open()
      for id in flood { #expect(try client.end(of: id).exitCode == 0) }
      #expect(try client.status(last[0]) == stopped)
      #expect(!Files.exists(file))
    }
  }

  @Test func aDaemonThatStopsLaunchesNothingMore() throws {
    try withGate { daemon, gate in
      _ = try create(500, "/bin/true", as: daemon.client())
      daemon.signal(SIGTERM)
      try daemon.waitForLog("event=stopping")
      try Processes.waitUntilIdle(daemon.pid)
      gate.open()
      try Poll.until("the daemon's end") { daemon.hasEnded }
      #expect(try daemon.stop().status == 0)
      try daemon.start()
      let jobs = try all(daemon.client())
      #expect(jobs.count == 501 && jobs.allSatisfy { $0.status != .running })
      let stopped = jobs.filter { $0.errorMessage == "the daemon stopped before it was started" }
      #expect(stopped.count == jobs.count - Self.underWay)
      #expect(stopped.allSatisfy { $0.status == .error && $0.started == nil })
    }
  }
}
