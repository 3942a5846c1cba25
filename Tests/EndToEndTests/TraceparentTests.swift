import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The header `traceparent` of W3C Trace Context.
@Suite(.serialized) struct TraceparentTests {
  private static let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  private static let script = #"{"cmd":"sh","args":["-c","echo $TRACEPARENT"]}"#

  private func create(_ daemon: Daemon, _ headers: [String], body: String = script) throws -> JobID {
    let reply = try daemon.curl("PUT", "/jobs", body: body, headers.flatMap { ["-H", $0] })
    return try #require(JobID(String(reply.text.split(separator: "\"")[3])), "\(reply.text)")
  }

  private func output(_ client: JobClient, _ id: JobID) throws -> String {
    _ = try client.end(of: id)
    return try client.output(id).stdout
  }

  @Test func itIsInTheJobsEnvironmentAndDetail() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try create(daemon, ["traceparent: \(Self.trace)"])
      #expect(try output(client, id) == "\(Self.trace)\n")
      #expect(try client.detail(id).facts.traceparent == Self.trace)
      #expect(try client.list().jobs.map(\.facts.traceparent) == [Self.trace])
      // It is no variable of the request's own, which would win.
      let own = #"{"cmd":"sh","args":["-c","echo $TRACEPARENT"],"env":{"TRACEPARENT":"mine"}}"#
      #expect(try output(client, try create(daemon, ["traceparent: \(Self.trace)"], body: own)) == "mine\n")
      let later = try create(daemon, ["Traceparent: 01-\(Self.trace.dropFirst(3))-more"])
      #expect(try output(client, later) == "\(Self.trace)\n")
    }
  }

  @Test func itIsInTheLog() throws {
    try Daemon.with(["--log-level", "debug"]) { daemon in
      let id = try create(daemon, ["traceparent: \(Self.trace)"])
      try daemon.waitForLog("event=job_accepted id=\(id) traceparent=\(Self.trace) client=alice")
    }
  }

  @Test func oneThatIsNotValidIsAsNone() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for headers in [
        [], ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
        ["traceparent: nonsense"],
        ["traceparent: \(Self.trace)", "traceparent: \(Self.trace)"],
        ["traceparent: \(Self.trace.uppercased())"],
      ] {
        let id = try create(daemon, headers)
        #expect(try output(client, id) == "\n", "\(headers)")
        #expect(try client.detail(id).facts.traceparent == nil)
      }
    }
  }

  @Test func everyCreationTakesItAndARetryMayHaveAnother() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      client.traceparent = Traceparent(Self.trace)
      var request = CreateRequest(cmd: "sh", args: ["-c", "echo $TRACEPARENT"])
      #expect(try client.run(RunRequest(request)).output?.stdout == "\(Self.trace)\n")
      #expect(try client.run(RunRequest(request, removes: true)).output?.stdout == "\(Self.trace)\n")
      for result in try client.create([request, request]) {
        #expect(try output(client, try #require(result.id)) == "\(Self.trace)\n")
      }
      request.labels = ["a": "b"]
      let id = try client.create(request, key: "k")
      client.traceparent = Traceparent(Self.trace.replacing("b7ad", with: "b7ae"))
      #expect(try client.create(request, key: "k") == id)
      #expect(try client.detail(id).facts.traceparent == Self.trace)
    }
  }

  @Test func jobctlSendsItsOwn() throws {
    try Daemon.with { daemon in
      func run(_ arguments: [String], _ trace: String) throws -> String {
        var environment = daemon.jobctlEnvironment("alice")
        environment["TRACEPARENT"] = trace
        let command = arguments + ["sh", "-c", "echo $TRACEPARENT"]
        let done = try Running(Programs.jobctl, command, environment: environment, directory: daemon.scratch)
          .wait()
        #expect(done.status == 0, "\(done.errorText)")
        return done.text
      }
      #expect(try run(["run"], Self.trace) == "\(Self.trace)\n")
      #expect(try run(["run", "--rm"], Self.trace) == "\(Self.trace)\n")
      #expect(try run(["run"], "nonsense\r\nX: y") == "\n")
      let id = try #require(JobID(try run(["start"], Self.trace).filter { $0 != "\n" }))
      #expect(try output(daemon.client(), id) == "\(Self.trace)\n")
    }
  }

  @Test func aRunnerPlacesItAndTheLogNamesIt() throws {
    let runners = """
      env: { command: ["env", "{env}"] }, none: { command: ["env"] }, broken: { command: ["/nonexistent/runner"] }
      """.replacing("none:", with: "bare:")
    try RunnerScope.with(runners) { daemon in
      let client = daemon.client()
      client.traceparent = Traceparent(Self.trace)
      func run(_ runner: String) throws -> JobID {
        let id = try client.create(.shell("echo $TRACEPARENT", runner: runner))
        _ = try client.end(of: id)
        return id
      }
      #expect(try client.output(run("env")).stdout == "\(Self.trace)\n")
      #expect(try client.output(run("bare")).stdout == "\n")
      let id = try run("broken")
      #expect(daemon.log.contains("event=launch_failed id=\(id) traceparent=\(Self.trace) "), "\(daemon.log)")
    }
  }
}
