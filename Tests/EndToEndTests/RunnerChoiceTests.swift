import Harness
import JobAPI
import JobClient
import Testing

/// Which runner a job has: the one that its creation names, else the client's default; and which ones a client may use.
@Suite struct RunnerChoiceTests {
  private static let runners = """
    runners: {
      nice: { command: ["/usr/bin/nice"] },
      cluster: {
        command: ["/usr/bin/nice", ["--mem={memory_mib}"], ["--cpus={cpus}"]], limits: "runner",
      },
    }
    """

  private func with(_ clients: String, _ body: (Daemon) throws -> Void) throws {
    try Daemon.with(Daemon(configuration: "{ \(Self.runners), clients: { \(clients) } }"), body)
  }

  private func runner(of id: String, _ daemon: Daemon) throws -> String? {
    try daemon.client().detail(try #require(JobID(id))).runner
  }

  /// The ids in a reply, in order.
  private func ids(_ text: String) -> [String] {
    text.split(separator: "\"id\":\"").dropFirst().map { String($0.prefix(36)) }
  }

  @Test func eachWayToCreateHasTheClientsDefault() throws {
    try with("alice: { runner: 'nice' }") { daemon in
      for (body, expected) in [
        (#"{"cmd":"true"}"#, "nice"), (#"{"cmd":"true","runner":"nice"}"#, "nice"),
        (#"{"cmd":"true","runner":"none"}"#, nil),
      ] as [(String, String?)] {
        for (method, path, body) in [
          ("PUT", "/jobs", body), ("POST", "/jobs:run", body),
          ("POST", "/jobs:batch", #"{"jobs":[\#(body),\#(body)]}"#),
          ("POST", "/jobs:batch?run=1", #"{"jobs":[\#(body)]}"#),
        ] {
          let reply = try daemon.curl(method, path, body: body)
          let ids = ids(reply.text)
          #expect(reply.status == 200 && !ids.isEmpty, "\(path): \(reply.text)")
          for id in ids { #expect(try runner(of: id, daemon) == expected, "\(path) \(body)") }
        }
      }
      #expect(try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","runner":"a b"}"#).status == 400)
    }
  }

  @Test func aRetryIsOneAlsoWhenTheDefaultHasChanged() throws {
    try with("alice: { runner: 'nice' }") { daemon in
      let (body, key) = (#"{"cmd":"true"}"#, ["-H", "Idempotency-Key: k"])
      let first = try daemon.curl("PUT", "/jobs", body: body, key)
      try daemon.configure("{ \(Self.runners) }")
      #expect(try daemon.control("reload").status == 0)
      #expect(try daemon.curl("PUT", "/jobs", body: body, key).text == first.text)
      #expect(try runner(of: ids(first.text)[0], daemon) == "nice")
      let other = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","runner":"nice"}"#, key)
      #expect(other.status == 422, "\(other.text)")
    }
  }

  @Test func aClientSeesWhatItMayUse() throws {
    try with("'*': { runner: 'cluster' }, bob: { runners: ['nice', 'none'], runner: 'nice' }") { daemon in
      let all = try daemon.client().runners()
      #expect(all.map(\.name) == ["cluster", "nice", "none"])
      #expect(all.map(\.isDefault) == [true, false, false])
      #expect(all[0].limits == ["cpus", "memory"])
      #expect(all[1].limits == all[2].limits, "both are what this host enforces")
      let log = try #require(daemon.log.split(separator: "\n").first { $0.contains("event=limits") })
      let enforced = ["cpus", "memory", "processes"].filter { log.contains("\($0)=yes") }
      #expect(all[2].limits == enforced, "\(log)")

      let own = try daemon.client("bob").runners()
      #expect(own.map(\.name) == ["nice", "none"] && own.map(\.isDefault) == [true, false])
      try daemon.configure(
        "{ \(Self.runners), clients: { bob: { runners: ['cluster'], runner: 'cluster' } } }")
      #expect(try daemon.control("reload").status == 0)
      #expect(try daemon.client("bob").runners().map(\.name) == ["cluster"])
      #expect(try daemon.client().runners().first(where: \.isDefault)?.name == "none")
    }
  }

  @Test func theRouteIsAsStrictAsOthers() throws {
    try Daemon.with { daemon in
      let reply = try daemon.curl("GET", "/runners")
      #expect(reply.status == 200 && reply.text.contains(#""default":true"#), "\(reply.text)")
      #expect(reply.text.contains(#""name":"none""#) && reply.headers.contains("application/json"))
      #expect(try daemon.curl("GET", "/runners?x=1").status == 400)
      #expect(try daemon.curl("PUT", "/runners", body: "{}").status == 405)
    }
  }

  @Test func jobctlListsThem() throws {
    try with("bob: { runners: ['cluster'], runner: 'cluster' }") { daemon in
      let text = try daemon.jobctl("runners", as: "bob").text
      #expect(text == "RUNNER   DEFAULT  LIMITS\ncluster  yes      cpus,memory\n", "\(text)")
      let json = try daemon.jobctl("runners", "-o", "json", as: "bob").text
      #expect(json == #"{"default":true,"limits":["cpus","memory"],"name":"cluster"}"# + "\n")
      let all = try daemon.jobctl("runners").text.split(separator: "\n")
      #expect(all.count == 4 && all[3].hasPrefix("none     yes"), "\(all)")
    }
  }

  @Test func jobctlNamesTheRunnerByOptionEnvironmentOrProfile() throws {
    try with("") { daemon in
      func start(_ options: [String], _ variables: [String: String] = [:]) throws -> String? {
        let line = ["start"] + options + ["true"]
        let environment = daemon.jobctlEnvironment("alice").merging(variables) { $1 }
        let done = try Running(
          Programs.jobctl, line, environment: environment, directory: daemon.scratch
        ).wait()
        #expect(done.status == 0, "\(done.errorText)")
        return try runner(of: String(done.text.prefix(36)), daemon)
      }
      #expect(try start([]) == nil)
      #expect(try start(["--runner", "nice"]) == "nice")
      #expect(try start([], ["JOBCTL_RUNNER": "nice"]) == "nice")
      #expect(try daemon.jobctl("config", "set", "--runner", "nice").status == 0)
      #expect(try start([]) == "nice")
      #expect(try start(["--runner", "none"]) == nil)
      #expect(try start([], ["JOBCTL_RUNNER": "none"]) == nil)
      let shown = try daemon.jobctl("config").text
      #expect(shown.contains("\nrunner") && shown.contains("profile default"), "\(shown)")
      let wrong = try daemon.jobctl("config", "set", "--runner", "a/b")
      #expect(wrong.status == 120 && wrong.errorText.contains("--runner must be a name"))
      #expect(try daemon.jobctl("run", "--", "true").status == 0)
      #expect(try daemon.jobctl("ps", "-a", "-o", "wide").text.contains("  nice    -       true\n"))
    }
  }
}
