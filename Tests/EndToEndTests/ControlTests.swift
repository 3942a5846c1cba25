import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Feeding, signalling, stopping, listing, and what is told of it.
@Suite(.serialized) struct ControlTests {
  @Test func anOpenInputIsFedInSeveralRequestsAndClosed() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let id = try client.create(request)
      func feed(_ text: String, _ query: String) throws -> CurlReply {
        try daemon.curl(
          "PUT", "/jobs/\(id)/stdin\(query)",
          ["--data-binary", text, "-H", "Content-Type: application/octet-stream"])
      }
      #expect(try feed("one ", "?close=0").status == 200)
      #expect(try feed("two ", "?close=0").status == 200)
      #expect(try client.status(id).status == .running)
      #expect(try feed("three", "").status == 200)
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.output(id).stdout == "one two three")
      #expect(try feed("four", "").status == 409)
    }
  }

  @Test func aJobThatDoesNotReadHoldsBackItsInput() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var request = CreateRequest(cmd: "sh", args: ["-c", "sleep 1; md5sum"])
      request.stdinOpen = true
      let id = try client.create(request)
      let bytes = [UInt8](repeating: 7, count: 30_000_000)
      let memory = Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid)
      let connection = try Connection(client.settings)
      try connection.begin("PUT", Route.stdin.target(id), length: -1)
      try connection.write(bytes)
      try connection.finish()
      #expect(try connection.reply() == 200)
      #expect(Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid) - memory < 16 * 1024)
      _ = try client.end(of: id)
      let here = try Running("md5sum", [], input: bytes, directory: daemon.scratch).wait()
      #expect(try client.output(id).stdout == here.text)
    }
  }

  @Test func signalsByNameAndNumber() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell(
        "trap 'echo usr1' USR1; trap 'exit 8' HUP; echo ready; while :; do sleep 0.02; done")
      try Poll.until("the traps") { try client.output(id).stdout == "ready\n" }
      func signal(_ body: String) throws -> Int {
        try daemon.curl("POST", "/jobs/\(id)/signal", body: body).status
      }
      #expect(try signal(#"{"signal":"USR1"}"#) == 200)
      try Poll.until("the signal") { try client.output(id).stdout == "ready\nusr1\n" }
      #expect(try signal(#"{"signal":"NOPE"}"#) == 400)
      #expect(try signal(#"{"signal":0}"#) == 400)
      #expect(try signal(#"{}"#) == 400)
      #expect(try signal(#"{"signal":1}"#) == 200)
      #expect(try client.end(of: id).exitCode == 8)
      #expect(try signal(#"{"signal":"TERM"}"#) == 409)
    }
  }

  @Test func stopKeepsRecordAndOutput() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("trap '' TERM; echo kept; while :; do sleep 0.02; done")
      try Poll.until("the output") { try client.output(id).stdout == "kept\n" }
      let status = try client.stop(id, grace: DurationText("100ms"))
      #expect(status.signal == SIGKILL)
      #expect(try client.output(id).stdout == "kept\n")
      #expect(try client.stop(id) == status, "stopping what has ended tells how")
    }
  }

  @Test func listsAreFilteredAndPagedStably() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var ids: [JobID] = []
      for number in 0..<25 {
        var request = CreateRequest(cmd: "sh", args: ["-c", "exit \(number % 2)"])
        request.labels = ["parity": "\(number % 2)", "all": "yes"]
        ids.append(try client.create(request))
      }
      for id in ids { _ = try client.end(of: id) }
      var seen: [JobID] = []
      var deleted: Set<JobID> = []
      var cursor: String?
      repeat {
        let page = try client.list(["limit": "10", "cursor": cursor])
        seen += page.jobs.map(\.id)
        cursor = page.next
        // Neither newer jobs move what follows, nor do those that go: the last of this page is the cursor.
        let (newer, _) = try client.run("/bin/true")
        for id in [newer, page.jobs.last!.id] {
          try client.delete(id)
          deleted.insert(id)
        }
      } while cursor != nil
      #expect(seen == ids.reversed())
      let odd = ids.enumerated().filter { $0.offset % 2 == 1 && !deleted.contains($0.element) }.map(\.element)
      #expect(try client.list(["label": "parity=1"]).jobs.map(\.id) == odd.reversed())
      #expect(try client.list(["label": "parity=1", "state": "running"]).jobs.isEmpty)
      #expect(try client.list(["since": "2099-01-01T00:00:00Z"]).jobs.isEmpty)
      let running = try client.shell("sleep 1000")
      let listed = try client.list(["state": "running"]).jobs
      #expect(listed.map(\.id) == [running])
      for query in ["state=odd", "limit=0", "limit=1001", "cursor=x", "label=x", "match=ab", "since=now"] {
        #expect(try daemon.curl("GET", "/jobs?\(query)").status == 400, "\(query)")
      }
    }
  }

  @Test func aDetailTellsAllThatIsKnown() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let go = Go(daemon.scratch)
      let script = "echo out; echo error >&2; \(go.wait); i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"
      var request = CreateRequest(cmd: "sh", args: ["-c", script])
      request.labels = ["a": "b"]
      let id = try client.create(request)
      try Poll.until("a pid") { try client.detail(id).pid != nil }
      try Poll.until("its bytes, that nobody follows") {
        let running = try client.detail(id)
        return (running.stdoutBytes, running.stderrBytes) == (4, 6)
      }
      #expect(try client.list().jobs.map(\.stdoutBytes) == [4])
      try go()
      _ = try client.end(of: id)
      let detail = try client.detail(id)
      #expect((detail.cmd, detail.args, detail.labels) == ("sh", request.args, ["a": "b"]))
      #expect((detail.stdoutBytes, detail.stderrBytes, detail.truncated) == (4, 6, false))
      #expect(detail.pid == nil)
      let times = [detail.created, try #require(detail.started), try #require(detail.finished)]
      #expect(times == times.sorted())
      let usage = try #require(detail.usage)
      #expect(usage.userMicroseconds + usage.systemMicroseconds > 0)
    }
  }

  /// More than are sent in one turn, many of them of one commit.
  @Test func allEventsThatThereAreAreSent() throws {
    try Daemon.with { daemon in
      let jobs = Array(repeating: #"{"cmd":"/bin/true"}"#, count: 300).joined(separator: ",")
      let body = ["-H", "Content-Type: application/json", "--data-binary", #"{"jobs":[\#(jobs)]}"#]
      #expect(try daemon.curl("POST", "/jobs:batch", body).status == 200)
      try Poll.until("all to end") {
        try daemon.client().list(["state": "running", "limit": "1"]).jobs.isEmpty
      }
      for form in ["application/x-ndjson", "text/event-stream"] {
        let text = try daemon.curl("GET", "/events", ["-H", "Accept: \(form)"]).text
        #expect(text.matches(of: #/"event":"created"/#).count == 300)
        #expect(text.matches(of: #/"event":"finished"/#).count == 300)
      }
    }
  }

  @Test func eventsAreResumedWithoutLoss() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      func events(_ query: String) throws -> [JobEvent] {
        try daemon.curl("GET", "/events\(query)").text.split(separator: "\n")
          .map { try JSONDecoder().decode(JobEvent.self, from: Data($0.utf8)) }
      }
      let (id, _) = try client.run("sh", "-c", "exit 5")
      try client.delete(id)
      let first = try events("")
      #expect(first.map(\.event) == [.created, .started, .finished, .deleted])
      #expect(first.allSatisfy { $0.id == id })
      #expect(first[2].status?.exitCode == 5)
      #expect(first.map(\.seq) == first.map(\.seq).sorted())
      // While nobody listens.
      let (second, _) = try client.run("/bin/true")
      daemon.kill()
      try daemon.start()
      let resumed = try events("?after=\(first.last!.seq)")
      #expect(resumed.map(\.event) == [.created, .started, .finished])
      #expect(resumed.allSatisfy { $0.id == second })
      let stream = try daemon.curl(
        "GET", "/events", ["-H", "Accept: text/event-stream", "-H", "Last-Event-ID: \(first[2].seq)"])
      #expect(stream.headers.contains("text/event-stream"))
      #expect(stream.text.hasPrefix("id: \(first[3].seq)\nevent: deleted\ndata: {"))
      #expect(try daemon.curl("GET", "/events", as: "bob").text.isEmpty)
      for wrong in ["Last-Event-ID: x", "Last-Event-ID: -1", "Last-Event-ID;"] {
        #expect(try daemon.curl("GET", "/events", ["-H", wrong]).status == 400)
      }
      let unknown = try daemon.curl("GET", "/events?after=x")
      #expect(unknown.text.contains("must be the number of an event, or now"), "\(unknown.text)")
      for wrong in ["after=x", "after=-1", "after=%2B1", "after=", "follow=2", "since=1h"] {
        #expect(try daemon.curl("GET", "/events?\(wrong)").status == 400)
      }
    }
  }

  @Test func whoMissedEventsIsTold() throws {
    try Daemon.with(["--retention-events", "20"]) { daemon in
      let client = daemon.client()
      _ = try client.run("/bin/true")
      let first = try #require(try daemon.curl("GET", "/events").text.split(separator: "\n").first)
      let seen = try JSONDecoder().decode(JobEvent.self, from: Data(first.utf8)).seq
      #expect(try daemon.curl("GET", "/events?after=\(seen)").status == 200)
      for _ in 0..<30 { _ = try client.run("/bin/true") }
      var missed: CurlReply?
      try Poll.until("old events to go") {
        missed = try daemon.curl("GET", "/events", ["-H", "Last-Event-ID: \(seen)"])
        return missed!.status == 410
      }
      #expect(missed!.text.contains("not kept"))
      #expect(try daemon.curl("GET", "/events").status == 200)
      #expect(try daemon.jobctl("events", "--after", "\(seen)").status == 125)
    }
  }

  @Test func eventsComeAsTheyHappen() throws {
    try Daemon.with { daemon in
      let listening = try daemon.startJobctl(["events", "--follow", "-o", "json"])
      let client = daemon.client()
      let (id, _) = try client.run("/bin/true")
      try Poll.until("the event of the end") {
        String(decoding: listening.output, as: UTF8.self).contains(#""event":"finished","id":"\#(id)""#)
      }
      listening.signal(SIGKILL)
      _ = try listening.wait()
    }
  }

  @Test func finishedJobsGoByRetentionAndRunningOnesStay() throws {
    try Daemon.with(["--retention-jobs", "5"]) { daemon in
      let client = daemon.client()
      let running = try client.shell("echo here; sleep 1000")
      let ids = try (0..<12).map { _ in try client.run("echo", "x").0 }
      try Poll.until("the oldest jobs to go", seconds: 60) {
        try client.list(["limit": "100"]).jobs.count <= 6
      }
      #expect(throws: ClientError.self) { try client.detail(ids[0]) }
      #expect(try client.output(ids[11]).stdout == "x\n")
      #expect(try client.status(running).status == .running)
      // A job that is held has its index on file too.
      try Poll.until("their files to go") { Files.countFiles(below: "\(daemon.state)/output") == 7 }
    }
  }
}
