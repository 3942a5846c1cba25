import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A client with thousands of jobs to launch makes no other wait for all of them.
@Suite(.serialized) struct FairnessTests {
  private static let flood = 1000
  private static let batches = 2

  /// Sends the creation of `flood` jobs in batches; the answers come in their order.
  private func sendFlood(_ client: RawClient) throws {
    let batch = Self.flood / Self.batches
    let jobs = Array(repeating: #"{"cmd":"/bin/true"}"#, count: batch).joined(separator: ",")
    let body = "{\"jobs\":[\(jobs)]}"
    let head = "POST /jobs:batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
    for _ in 0..<Self.batches { try client.send(head + body) }
  }

  private func all(_ client: JobClient) throws -> [JobDetail] {
    var jobs: [JobDetail] = []
    var next: String?
    repeat {
      let page = try client.list(["limit": "1000", "cursor": next])
      jobs += page.jobs
      next = page.next
    } while next != nil
    return jobs
  }

  @Test func aSingleJobIsNotLaunchedAfterAFloodOfAnothers() throws {
    try Daemon.with(["--launchers", "1"]) { daemon in
      let (alice, bob) = (daemon.client("alice"), daemon.client("bob"))
      let (flood, single) = (try daemon.rawClient("alice"), try daemon.rawClient("bob"))
      try sendFlood(flood)
      for _ in 0..<Self.batches { #expect(try flood.reply().status == 200) }
      // Nothing is launched until the other's creation is on its way too.
      daemon.signal(SIGSTOP)
      try single.send(
        "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 19\r\n\r\n{\"cmd\":\"/bin/true\"}")
      daemon.signal(SIGCONT)
      #expect(try single.reply().status == 200)
      try Poll.until("both to be over", seconds: 300) {
        try alice.list(["state": "running", "limit": "1"]).jobs.isEmpty
          && bob.list(["state": "running", "limit": "1"]).jobs.isEmpty
      }
      let (jobs, job) = (try all(alice), try #require(try all(bob).first))
      #expect(jobs.count == Self.flood && jobs.allSatisfy { $0.exitCode == 0 })
      let waited = jobs.count { $0.started! > job.created }
      try #require(waited > 100, "the flood was over before the other's job came")
      #expect(jobs.count { $0.started! > job.started! } > waited / 2)
      #expect(jobs.count { $0.finished! > job.finished! } > waited / 2)
    }
  }

  /// What waits for its launch can be ended: it is not launched then, and what is behind it comes sooner.
  @Test func jobsThatWaitForTheirLaunchCanBeStoppedAndDeleted() throws {
    try Daemon.with(["--launchers", "1"]) { daemon in
      let client = daemon.client()
      let file = "\(daemon.scratch.path)/launched"
      let touch = CreateRequest(cmd: "touch", args: [file])
      let flood = try client.create(Array(repeating: CreateRequest(cmd: "/bin/true"), count: 300))
      let last = try client.create([touch, touch]).compactMap(\.id)
      let stopped = try client.stop(last[0], grace: DurationText("0s"))
      try client.delete(last[1])
      #expect(stopped.status == .error || stopped.signal != nil || stopped.exitCode == 0)
      #expect(throws: ClientError.self) { try client.status(last[1]) }
      if stopped.status == .error {
        #expect(stopped.errorMessage == "the job was stopped before it was started")
      }
      for id in flood.compactMap(\.id) { #expect(try client.end(of: id).exitCode == 0) }
    }
  }

  @Test func aDaemonThatStopsLaunchesNothingMore() throws {
    try Daemon.with(["--launchers", "1"]) { daemon in
      let created = try daemon.client().create(Array(repeating: CreateRequest(cmd: "/bin/true"), count: 500))
      #expect(created.allSatisfy { $0.id != nil })
      #expect(try daemon.stop().status == 0)
      try daemon.start()
      let jobs = try all(daemon.client())
      #expect(jobs.count == created.count)
      for job in jobs where job.status == .error {
        #expect(job.errorMessage == "the daemon stopped before it was started", "\(job)")
      }
    }
  }
}
