import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Jobs that are created and awaited in one request.
@Suite(.serialized) struct RunTests {
  private static func shell(
    _ script: String, removes: Bool? = nil, onDisconnect: RunRequest.DisconnectAction? = nil
  ) -> RunRequest {
    RunRequest(CreateRequest(cmd: "sh", args: ["-c", script]), removes: removes, onDisconnect: onDisconnect)
  }

  /// A script that goes on once it is let.
  private static func waiting(_ daemon: Daemon, _ then: String) -> (script: String, go: () throws -> Void) {
    let go = Go(daemon.scratch)
    return ("\(go.wait); \(then)", { try go() })
  }

  private static func start(
    _ daemon: Daemon, _ request: RunRequest, _ more: [String] = [], query: String = ""
  )
    throws -> Running
  {
    let body = String(decoding: JSONBody.encode(request), as: UTF8.self)
    return try daemon.startCurl("/jobs:run\(query)", ["-N", "-d", body] + more)
  }

  private static func outputFiles(_ daemon: Daemon) -> Int {
    Files.countFiles(below: "\(daemon.state)/output")
  }

  /// Waits for the only job of the client, other than those in `known`.
  private static func onlyJob(_ client: JobClient, but known: [JobID] = []) throws -> JobID {
    var found: [JobID] = []
    try Poll.until("a job in the list") {
      found = try client.list().jobs.map(\.id).filter { !known.contains($0) }
      return found.count == 1
    }
    return found[0]
  }

  private static func isGone(_ id: JobID, _ client: JobClient) throws -> Bool {
    do {
      _ = try client.status(id)
      return false
    } catch ClientError.notFound {
      return true
    }
  }

  @Test func aResultComesWithItsOutputAndIsKept() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let reply = try client.run(Self.shell("echo out; echo err >&2; exit 3"))
      #expect(reply.state.status == .completed && reply.state.exitCode == 3)
      #expect(reply.output == OutputReply(stdout: "out\n", stderr: "err\n"))
      #expect(try client.status(reply.id) == reply.state)
      #expect(try client.output(reply.id) == reply.output)
      let missing = try client.run(RunRequest(CreateRequest(cmd: "no-such-program")))
      #expect(missing.state.status == .error && missing.state.errorCode == .notFound)
      let empty = try client.run(RunRequest(CreateRequest(cmd: "true")))
      #expect(empty.output == OutputReply(stdout: "", stderr: ""))
      var fed = CreateRequest(cmd: "cat")
      fed.stdin = "to the job"
      #expect(try client.run(RunRequest(fed)).output?.stdout == "to the job")
      let events = try daemon.curl("GET", "/events").text
      for kind in ["created", "started", "finished"] {
        #expect(events.components(separatedBy: "\"\(kind)\"").count >= 4, "\(events)")
      }
    }
  }

  /// One that ends soon leaves no record, no event and no file.
  @Test func aShortJobThatIsRemovedLeavesNothing() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for _ in 0..<20 {
        let reply = try client.run(Self.shell("echo out; echo err >&2; exit 3", removes: true))
        #expect(reply.state.exitCode == 3 && reply.output == OutputReply(stdout: "out\n", stderr: "err\n"))
      }
      try Poll.until("no job") { try client.list().jobs.isEmpty }
      try Poll.until("no file") { Self.outputFiles(daemon) == 0 }
    }
  }

  /// One that lasts is seen as any other, and goes with its answer.
  @Test(arguments: [nil, "application/x-ndjson"]) func aLongJobThatIsRemovedIsSeenAndGoes(accept: String?)
    throws
  {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "echo later; exit 4")
      let run = try Self.start(
        daemon, Self.shell("echo first; \(script)", removes: true),
        accept.map { ["-H", "Accept: \($0)"] } ?? [])
      let id = try Self.onlyJob(client)
      #expect(try client.status(id).status == .running)
      try Poll.until("its output") { try client.output(id).stdout == "first\n" }
      try go()
      let text = try run.wait().text
      #expect(
        text.contains("first\\n") && text.contains("later\\n") && text.contains("\"exit_code\":4"), "\(text)")
      try Poll.until("its end") { try Self.isGone(id, client) }
      try Poll.until("no file") { Self.outputFiles(daemon) == 0 }
    }
  }

  /// More than memory takes, and than pipes hold.
  @Test(arguments: [true, false]) func allOfALargeOutputComes(removes: Bool) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for size in [1, 65_535, 65_536, 65_537, 200_000, 3_000_000] {
        let script = "head -c \(size) /dev/zero | tr '\\0' a; head -c \(size) /dev/zero | tr '\\0' b >&2"
        let output = try client.run(Self.shell(script, removes: removes)).output
        #expect(output?.stdout == String(repeating: "a", count: size), "\(size)")
        #expect(output?.stderr == String(repeating: "b", count: size), "\(size)")
      }
    }
  }

  @Test(arguments: [true, false], ["application/x-ndjson", "application/vnd.jobd.frames"])
  func aStreamBeginsAtOnceAndEndsWithTheState(removes: Bool, accept: String) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "echo later >&2; exit 5")
      let headers = daemon.scratch.fresh("headers")
      let run = try Self.start(
        daemon, Self.shell("echo first; \(script)", removes: removes),
        ["-H", "Accept: \(accept)", "-D", headers])
      try Poll.until("the first of it") { run.text.contains("first") }
      let line = Files.text(headers).split(separator: "\r\n").first { $0.hasPrefix("Job-Id: ") }
      let id = try #require(line.flatMap { JobID($0.dropFirst(8)) })
      #expect(try client.status(id).status == .running)
      try go()
      let text = String(decoding: try run.wait().output, as: UTF8.self)
      #expect(text.contains("later") && text.contains("\"exit_code\":5") && text.contains("\"id\":\"\(id)\""))
      if removes { try Poll.until("its end") { try Self.isGone(id, client) } }
    }
  }

  /// A short job's log has all of it in the order in which it came.
  @Test func aShortStreamIsWhole() throws {
    try Daemon.with { daemon in
      let request = Self.shell("echo 1; sleep 0.05; echo 2 >&2; sleep 0.05; echo 3", removes: true)
      var lines: [Substring] = []
      // What a slow machine reads together has no order.
      try Poll.until("lines that are read one by one") {
        lines = try Self.start(daemon, request, ["-H", "Accept: application/x-ndjson"]).wait().text
          .split(separator: "\n")
        return lines.count == 4
      }
      for (line, text) in zip(lines, ["1", "2", "3"]) { #expect(line.contains("\"\(text)\\n\""), "\(line)") }
      #expect(lines[3].contains("\"status\":\"completed\""))
    }
  }

  @Test(arguments: [true, false]) func aWaitThatIsOverLeavesTheJobRunning(removes: Bool) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "echo done")
      let reply = try client.run(Self.shell(script, removes: removes), wait: DurationText("50ms"))
      #expect(reply.state.status == .running && reply.output == nil)
      try Poll.until("the job") { try !Self.isGone(reply.id, client) }
      try go()
      // Its result was not delivered: it is there.
      #expect(try client.end(of: reply.id).exitCode == 0)
      #expect(try client.output(reply.id).stdout == "done\n")
      let long = try client.run(Self.shell("exit 2", removes: removes), wait: DurationText("60s"))
      #expect(long.state.exitCode == 2 && long.output != nil)
      let stream = try Self.start(
        daemon, Self.shell("echo a; sleep 60", removes: removes), ["-H", "Accept: application/x-ndjson"],
        query: "?wait=300ms")
      let lines = try stream.wait().text.split(separator: "\n")
      #expect(lines.last?.contains("\"status\":\"running\"") == true, "\(lines)")
    }
  }

  @Test func aRetryHasTheSameResult() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let file = "\(daemon.scratch.path)/launches"
      let request = Self.shell("echo x >> \(file); echo $$; exit 6")
      let first = try client.run(request, key: "k")
      #expect(try client.run(request, key: "k") == first && first.state.exitCode == 6)
      #expect(Files.text(file) == "x\n")
      let other = Self.shell("exit 7")
      #expect(throws: ClientError.self) { try client.run(other, key: "k") }
      let body = String(decoding: JSONBody.encode(Self.shell("true", removes: true)), as: UTF8.self)
      let refused = try daemon.curl("POST", "/jobs:run", body: body, ["-H", "Idempotency-Key: l"])
      #expect(refused.status == 400 && refused.text.contains("Idempotency-Key"))
      // One that came while the first goes on gets its result too.
      let (script, go) = Self.waiting(daemon, "exit 8")
      let both = try (0..<2).map { _ in
        try Self.start(daemon, Self.shell(script), ["-H", "Idempotency-Key: m"])
      }
      usleep(100_000)
      try go()
      let texts = try both.map { try $0.wait().text }
      #expect(texts[0] == texts[1] && texts[0].contains("\"exit_code\":8"))
    }
  }

  @Test func whatIsNotUnderstoodIsRefused() throws {
    try Daemon.with { daemon in
      for (query, body, status, text) in [
        ("", #"{"cmd":"true","rm":1}"#, 400, "\\\"rm\\\""),
        ("", #"{"cmd":"true","on_disconnect":"kill"}"#, 400, "\\\"stop\\\" or \\\"keep\\\""),
        ("", #"{"cmd":"true","remove":true}"#, 400, "unknown member"),
        ("?wait=soon", #"{"cmd":"true"}"#, 400, "a whole number"), ("?rm=1", #"{"cmd":"true"}"#, 400, "wait"),
      ] {
        let reply = try daemon.curl("POST", "/jobs:run\(query)", body: body)
        #expect(reply.status == status && reply.text.contains(text), "\(reply.text)")
      }
      #expect(try daemon.client().list().jobs.isEmpty)
    }
  }

  /// A client that goes away changes nothing: what it did not get is there for a while.
  @Test(arguments: [true, false]) func aJobGoesOnWithoutItsClient(removes: Bool) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for accept in ["application/json", "application/x-ndjson"] {
        let (script, go) = Self.waiting(daemon, "echo result; exit 9")
        let known = try client.list().jobs.map(\.id)
        let run = try Self.start(
          daemon, Self.shell(script, removes: removes), ["-H", "Accept: \(accept)"])
        let id = try Self.onlyJob(client, but: known)
        run.signal(SIGKILL)
        _ = try run.wait()
        try go()
        #expect(try client.end(of: id).exitCode == 9)
        #expect(try client.output(id).stdout == "result\n")
      }
    }
  }

  /// The client's own closing stops the job, where it asked for that; nothing else does.
  @Test func aJobIsStoppedWithItsClientIfItAskedForThat() throws {
    try Daemon.with(["--drain-time", "200ms"]) { daemon in
      let client = daemon.client()
      var known: [JobID] = []
      func start(_ accept: String) throws -> (Running, JobID) {
        let run = try Self.start(
          daemon, Self.shell("sleep 60", removes: true, onDisconnect: .stop), ["-H", "Accept: \(accept)"])
        let id = try Self.onlyJob(client, but: known)
        known.append(id)
        return (run, id)
      }
      for accept in ["application/json", "application/x-ndjson"] {
        let (run, id) = try start(accept)
        run.signal(SIGTERM)
        _ = try run.wait()
        #expect(try client.end(of: id).endedBy == .stop)
      }
      let (reloaded, first) = try start("application/json")
      daemon.signal(SIGHUP)
      _ = try reloaded.wait()
      let (killed, second) = try start("application/x-ndjson")
      Glibc.kill(daemon.apiPid, SIGKILL)
      _ = try killed.wait()
      try Poll.until("another api process") { (try? client.list()) != nil }
      for id in [first, second] { #expect(try client.status(id).status == .running) }
    }
  }

  @Test func aJobThatWaitsForASlotIsAnsweredToo() throws {
    try Daemon.with(["--client-running-jobs", "1"]) { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "exit 1")
      let first = try Self.start(daemon, Self.shell(script, removes: true))
      let known = [try Self.onlyJob(client)]
      let runs = try [true, false].map { removes in
        try Self.start(daemon, Self.shell("echo waited; exit 2", removes: removes))
      }
      let streamed = try Self.start(
        daemon, Self.shell("echo waited; exit 2", removes: true), ["-H", "Accept: application/x-ndjson"])
      try Poll.until("all of them to wait") { try client.list(["state": "queued"]).jobs.count == 3 }
      // One that waits is deleted as any.
      let gone = try Self.start(daemon, Self.shell("exit 3"))
      try Poll.until("one more") { try client.list(["state": "queued"]).jobs.count == 4 }
      let last = try #require(try client.list().jobs.first?.id)
      try client.delete(last)
      #expect(try gone.wait().text.contains("the job was deleted"))
      try go()
      #expect(try first.wait().text.contains("\"exit_code\":1"))
      for run in runs + [streamed] {
        let text = try run.wait().text
        #expect(text.contains("waited") && text.contains("\"exit_code\":2"), "\(text)")
      }
      try Poll.until("one that is kept") { try client.list().jobs.count == 1 }
      #expect(try Self.isGone(known[0], client))
    }
  }

  @Test(arguments: [true, false]) func aJobThatIsDeletedOrStoppedIsAnswered(removes: Bool) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for accept in ["application/json", "application/x-ndjson"] {
        let known = try client.list().jobs.map(\.id)
        let deleted = try Self.start(
          daemon, Self.shell("sleep 60", removes: removes), ["-H", "Accept: \(accept)"])
        try client.delete(try Self.onlyJob(client, but: known))
        #expect(try deleted.wait().text.contains("the job was deleted"))
        let stopped = try Self.start(
          daemon, Self.shell("sleep 60", removes: removes), ["-H", "Accept: \(accept)"])
        _ = try client.stop(try Self.onlyJob(client, but: known))
        #expect(try stopped.wait().text.contains("\"ended_by\":\"stop\""))
      }
    }
  }

  /// A supervisor that is killed loses nothing that was accepted: what was answered, and what it holds.
  @Test func aLongJobOutlivesItsSupervisor() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "echo end; exit 11")
      let runs = try [true, false].map { try Self.start(daemon, Self.shell(script, removes: $0)) }
      try daemon.waitUntilHeld(2)
      let ids = try client.list().jobs.map(\.id)
      try daemon.killSupervisor()
      for run in runs { #expect(try run.wait().status != 0) }
      try go()
      for id in ids {
        #expect(try client.end(of: id).exitCode == 11)
        #expect(try client.output(id).stdout == "end\n")
      }
    }
  }

  /// What runs at an upgrade that is not stored yet is stored before.
  @Test func anUpgradeTakesAllAlong() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "exit 12")
      let count = "\(daemon.scratch.path)/started"
      let runs = try (0..<8).map {
        try Self.start(daemon, Self.shell("echo >> \(count); \(script)", removes: $0 % 2 == 0))
      }
      try Poll.until("all to run") { Files.text(count).count == 8 }
      let upgraded = try daemon.control("upgrade")
      #expect(upgraded.status == 0, "\(upgraded.text)\(upgraded.errorText)")
      for run in runs { _ = try run.wait() }
      let ids = try client.list().jobs.map(\.id)
      #expect(ids.count == 8)
      try go()
      for id in ids { #expect(try client.end(of: id).exitCode == 12) }
    }
  }

  @Test func followersAreBounded() throws {
    try Daemon.with(["--client-followers", "1"]) { daemon in
      let (script, go) = Self.waiting(daemon, "exit 0")
      let first = try Self.start(daemon, Self.shell(script), ["-H", "Accept: application/x-ndjson"])
      _ = try Self.onlyJob(daemon.client())
      let body = String(decoding: JSONBody.encode(Self.shell("true")), as: UTF8.self)
      let second = try daemon.curl(
        "POST", "/jobs:run", body: body, ["-H", "Accept: application/x-ndjson"])
      #expect(second.status == 429)
      #expect(try daemon.client().list().jobs.count == 1, "what is refused is not launched")
      try go()
      _ = try first.wait()
    }
  }

  @Test func aBatchAnswersEachAsItEnds() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "echo last; exit 1")
      let jobs = [
        #"{"cmd":"sh","args":["-c","\#(script)"],"rm":true}"#,
        #"{"cmd":"sh","args":["-c","echo quick"]}"#, #"{"cmd":""}"#, #"{"cmd":"no-such-program","rm":true}"#,
        #"{"cmd":"true","on_disconnect":"stop"}"#,
      ]
      let run = try daemon.startCurl(
        "/jobs:batch?run=1", ["-N", "-d", "{\"jobs\":[\(jobs.joined(separator: ","))]}"])
      try Poll.until("four lines") { run.text.split(separator: "\n").count == 4 }
      #expect(!run.hasEnded)
      try go()
      let lines = try run.wait().text.split(separator: "\n")
      #expect(lines.count == 5)
      func line(_ index: Int) -> Substring { lines.first { $0.hasPrefix("{\"index\":\(index),") } ?? "" }
      #expect(line(0).contains("\"exit_code\":1") && line(0).contains("last\\n"))
      #expect(line(1).contains("\"exit_code\":0") && line(1).contains("quick\\n"))
      #expect(line(2).contains("\"status\":400") && line(2).contains("cmd"))
      #expect(line(3).contains("command_not_found"))
      #expect(line(4).contains("\"status\":400") && line(4).contains("on_disconnect"))
      try Poll.until("one that is kept") { try client.list().jobs.count == 1 }
    }
  }

  /// Those that have ended cost nothing but their records while the others go on; what was told of them is true.
  @Test func jobsOfABatchThatHaveEndedAreOnDisk() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (script, go) = Self.waiting(daemon, "exit 1")
      let quick = Array(repeating: #"{"cmd":"sh","args":["-c","echo x; sleep 0.15"],"rm":true}"#, count: 20)
      let jobs = quick + [#"{"cmd":"sh","args":["-c","\#(script)"],"rm":true}"#]
      let run = try daemon.startCurl(
        "/jobs:batch?run=1", ["-N", "-d", "{\"jobs\":[\(jobs.joined(separator: ","))]}"])
      try Poll.until("all lines but one") { run.text.split(separator: "\n").count == 20 }
      let open = Processes.descriptorTargets(daemon.pid).filter { $0.hasPrefix("\(daemon.state)/output/") }
      #expect(open.count <= 3, "\(open)")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      #expect(try run.wait().status != 0)
      try go()
      let ended = try client.list().jobs.filter { $0.request.args.last == "echo x; sleep 0.15" }
      #expect(ended.count == 20 && ended.allSatisfy { $0.state.status == .completed })
      for job in ended { #expect(try client.output(job.id).stdout == "x\n") }
    }
  }

  @Test func aBatchWithAKeyIsAnsweredAgain() throws {
    try Daemon.with { daemon in
      let file = "\(daemon.scratch.path)/launches"
      let job = #"{"cmd":"sh","args":["-c","echo x >> \#(file); echo $$"]}"#
      let body = "{\"jobs\":[\(Array(repeating: job, count: 5).joined(separator: ","))]}"
      let replies = try (0..<2).map { _ in
        try daemon.curl("POST", "/jobs:batch?run=1", body: body, ["-H", "Idempotency-Key: k"]).text
          .split(separator: "\n").sorted()
      }
      #expect(replies[0] == replies[1] && replies[0].count == 5)
      #expect(Files.text(file) == String(repeating: "x\n", count: 5))
    }
  }

  @Test func aBatchOfThousandIsAnswered() throws {
    try Daemon.with(["--client-running-jobs", "4"]) { daemon in
      let job = #"{"cmd":"echo","args":["x"],"rm":true}"#
      let body = "{\"jobs\":[\(Array(repeating: job, count: 1000).joined(separator: ","))]}"
      let lines = try daemon.curl("POST", "/jobs:batch?run=1", body: body).text.split(separator: "\n")
      #expect(lines.count == 1000 && lines.allSatisfy { $0.contains("\"stdout\":\"x\\n\"") })
      try Poll.until("nothing to be left") { try daemon.client().list().jobs.isEmpty }
    }
  }

  /// On a full disk a job that leaves nothing runs, and one that is to be kept is ended and refused.
  @Test(.enabled(if: geteuid() == 0)) func aFullDiskRefusesWhatIsToBeKept() throws {
    let disk = try SmallDisk("6m")
    defer { disk.remove() }
    let daemon = try Daemon(state: "\(disk.path)/state")
    Daemon.with(daemon) { daemon in
      let client = daemon.client()
      _ = try client.run("true")
      try disk.fill()
      try Poll.until("a creation to be refused") {
        try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#).status == 507
      }
      let mark = "\(daemon.scratch.path)/mark"
      for removes in [true, false] {
        let body = String(
          decoding: JSONBody.encode(Self.shell("sleep 60; echo > \(mark)", removes: removes)), as: UTF8.self)
        let reply = try daemon.curl("POST", "/jobs:run", body: body)
        #expect(reply.status == 507 && reply.text.contains("the job cannot be stored"), "\(reply.text)")
      }
      let short = try client.run(Self.shell("echo runs", removes: true))
      #expect(short.output?.stdout == "runs\n")
      try Poll.until("no process") { Processes.descendants(daemon.pid).count == 1 }
      disk.empty()
      #expect(try client.list().jobs.count >= 1)
    }
  }
}
