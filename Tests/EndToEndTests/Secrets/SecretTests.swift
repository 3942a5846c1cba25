import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What a creation says in `secret_env`.
@Suite(.serialized) struct SecretTests {
  private let canary = Canary()
  private static let oneSlot = ["--client-running-jobs", "1"]

  private func key(_ daemon: Daemon) -> String { "\(daemon.scratch.path)/secrets.key" }

  /// All that a client is told, as text.
  private func replies(_ daemon: Daemon, _ ids: [JobID]) throws -> String {
    let routes = ["", "/status", "/log", "/stdout", "/stderr", "/output"]
    let targets =
      ["/jobs?limit=1000", "/events?follow=0", "/metrics", "/runners"]
      + ids.flatMap { id in routes.map { "/jobs/\(id)\($0)" } }
    return try targets.map { try daemon.curl("GET", $0).text }.joined()
  }

  private func json(_ request: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
  }

  @Test func theJobHasThemAndNothingElseDoes() throws {
    let spy = "spy: { command: [\"env\", \"--\"], secrets: [\"SECRET_*\"] }"
    let options = Self.oneSlot + ["--log-level", "debug", "--client-role", "operator"]
    try RunnerScope.with(spy, options) { daemon in
      let (client, go) = (daemon.client(), Go(daemon.scratch))
      var text = ""
      // While one of them runs, the others wait: for it, and so in the store.
      let running = try client.create(canary.request(go.wait))
      try daemon.waitUntilHeld(1)
      let queued = try client.create(canary.request(), key: "k")
      var failing = CreateRequest(cmd: "/nonexistent/program")
      failing.secretEnv = canary.secrets
      let batch = try client.create([failing, canary.request(), canary.request(runner: "spy")])
      let ids = [running, queued] + batch.compactMap(\.id)
      #expect(ids.count == 5)
      text += try replies(daemon, ids)
      #expect(canary.places(in: daemon) == [])
      #expect(canary.files(below: daemon.state) == [])
      try go()
      for id in [running, queued] + batch.dropFirst().compactMap(\.id) {
        try canary.expect(in: client, of: id, daemon.scratch)
      }
      #expect(try client.end(of: batch[0].id!).errorCode == .notFound)
      // With the request's reply, whole and as it comes; removed and not; and what is refused.
      for rm in [true, false] {
        let body = try json(RunRequest(canary.request("echo end >&2"), removes: rm))
        for type in ["application/json", "application/x-ndjson"] {
          text += try daemon.curl("POST", "/jobs:run", body: body, ["-H", "Accept: \(type)"]).text
        }
        text += try daemon.curl("POST", "/jobs:batch?run=1", body: "{\"jobs\":[\(body)]}").text
      }
      let refused = [
        #"{"cmd":"true","secret_env":{"A":"\#(canary.value)","A=":""}}"#,
        #"{"cmd":"true","secret_env":["\#(canary.value)"]}"#,
        #"{"cmd":"true","env":{"A":""},"secret_env":{"A":"\#(canary.value)"}}"#,
        #"{"cmd":"true","runner":"spy","secret_env":{"A":"\#(canary.value)"}}"#,
        #"{"cmd":"true","secret_env":{"A":"\#(canary.value)\u0000"}}"#,
        #"{"cmd":"true","secret_env":{"A":"\#(canary.value)"#,
      ]
      for body in refused {
        let reply = try daemon.curl("PUT", "/jobs", body: body)
        #expect(reply.status == 400, "\(reply.text)")
        text += reply.text
      }
      text += try replies(daemon, ids)
      #expect(text.contains(try canary.output(daemon.scratch).split(separator: "\n").last!.prefix(32)))
      #expect(!canary.isIn(Array(text.utf8)))
      #expect(canary.files(below: daemon.state) == [])
      #expect(!canary.isIn(Array(daemon.log.utf8)))
    }
  }

  @Test func theyWaitWithTheJobForTheNextDaemon() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      _ = try daemon.client().shell("sleep 1000")
      let id = try daemon.client().create(canary.request())
      #expect(try daemon.client().status(id).queued == true)
      #expect(try daemon.stop().status == 0)
      #expect(canary.files(below: daemon.state) == [])
      try daemon.start(Self.oneSlot)
      try canary.expect(in: daemon.client(), of: id, daemon.scratch)
    }
  }

  @Test(arguments: [true, false]) func withoutTheirKeyTheJobIsAnErrorThatSaysSo(isThere: Bool) throws {
    try Daemon.with(Self.oneSlot) { daemon in
      _ = try daemon.client().shell("sleep 1000")
      let id = try daemon.client().create(canary.request())
      #expect(try daemon.stop().status == 0)
      unlink(key(daemon))
      if isThere { try Files.write([UInt8](repeating: 1, count: 32), to: key(daemon)) }
      try daemon.start(Self.oneSlot)
      let end = try daemon.client().end(of: id)
      let why =
        isThere
        ? "the key in \(key(daemon)) is another than the one they were stored with"
        : "cannot open \(key(daemon)): No such file or directory"
      #expect(end.status == .error && end.errorMessage == "its secrets cannot be read: \(why)", "\(end)")
      #expect(daemon.log.contains("event=secrets_not_read id=\(id)"))
      // Others are not harmed.
      let next = try daemon.client().create(canary.request())
      try canary.expect(in: daemon.client(), of: next, daemon.scratch)
    }
  }

  @Test func theKeyIsMadeBesideTheConfigurationAndForTheDaemonAlone() throws {
    try Daemon.with { daemon in
      #expect(!Files.exists(key(daemon)), "it is not needed yet")
      let id = try daemon.client().create(canary.request())
      try canary.expect(in: daemon.client(), of: id, daemon.scratch)
      var info = stat()
      #expect(stat(key(daemon), &info) == 0)
      #expect(info.st_mode & 0o777 == 0o600 && info.st_size == 32 && info.st_uid == geteuid())
      #expect(Files.list(daemon.scratch.path).filter { $0.hasPrefix("secrets.key") } == ["secrets.key"])
      #expect(daemon.log.contains("event=secrets_key_made file=\(key(daemon))"))
    }
  }

  /// An Idempotency-Key of a request without secrets needs none.
  @Test func withoutAKeyCreationsWithSecretsAreRefused() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/missing/secrets.key"
    try Daemon.with(["--secrets-key-file", file]) { daemon in
      let refused = try daemon.curl("PUT", "/jobs", body: try json(canary.request()))
      #expect(
        refused.status == 500 && refused.text.contains("cannot make \(file): No such file"), "\(refused.text)"
      )
      let client = daemon.client()
      let id = try client.create(CreateRequest(cmd: "true"), key: "k")
      #expect(try client.create(CreateRequest(cmd: "true"), key: "k") == id)
      // The key comes to be, and what was stored without it is still the same.
      #expect(mkdir("\(scratch.path)/missing", 0o700) == 0)
      #expect(try client.create(CreateRequest(cmd: "true"), key: "k") == id)
      let secret = try client.create(canary.request())
      try canary.expect(in: client, of: secret, daemon.scratch)
      #expect(Files.exists(file))
    }
  }

  @Test func aRetryIsTheSameRequestWhenItsSecretsAre() throws {
    try Daemon.with { daemon in
      func create(_ request: CreateRequest) throws -> CurlReply {
        try daemon.curl("PUT", "/jobs", body: try json(request), ["-H", "Idempotency-Key: k"])
      }
      let first = try create(canary.request())
      #expect(first.status == 200)
      #expect(try create(canary.request()).text == first.text)
      #expect(try create(Canary().request()).status == 422)
      var none = canary.request()
      none.secretEnv = nil
      #expect(try create(none).status == 422)
      #expect(try daemon.stop().status == 0)
      try daemon.start()
      #expect(try create(canary.request()).text == first.text)
    }
  }

  @Test func aSandboxGetsThoseThatItsEntryNames() throws {
    let recipe = try RunnerScope.sandbox().replacing(
      "limits: \"local\",", with: "secrets: [\"SECRET_TOKEN\"],")
    try RunnerScope.with(recipe) { daemon in
      let client = daemon.client()
      var request = canary.request("read line", runner: "sandbox")
      request.stdinOpen = true
      let id = try client.create(request)
      try Poll.until("its process") { Processes.descendants(daemon.pid).contains { Processes.isOfJob($0) } }
      #expect(canary.places(in: daemon) == [])
      try client.feed(id, [], close: true)
      try canary.expect(in: client, of: id, daemon.scratch)
      var other = canary.request(runner: "sandbox")
      other.secretEnv = ["LD_PRELOAD": canary.value]
      let refused = try daemon.curl("PUT", "/jobs", body: try json(other))
      #expect(refused.status == 400 && refused.text.contains("takes no secret"), "\(refused.text)")
    }
  }

  /// The key would open the secrets of jobs that wait.
  @Test func norCanOneThatHasTheKeyAlone() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    try Daemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let made = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#, ["-H", "Idempotency-Key: k"])
      #expect(made.status == 200)
      var info = stat()
      #expect(stat("/proc/\(daemon.pid)/mem", &info) == 0 && info.st_uid == 0)
    }
  }

  @Test func theSupervisorOfAnUnprivilegedDaemonCannotBeLookedIntoOnceItHasSome() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    func owner(_ pid: pid_t) -> uid_t {
      var info = stat()
      return stat("/proc/\(pid)/mem", &info) == 0 ? info.st_uid : .max
    }
    let protected = ["sh", "-c", "echo 300 >/proc/self/oom_score_adj; exec \"$@\"", "sh"]
    try Daemon.with(user.options, limits: ["--nofile=4096"] + protected + user.prefix) { daemon in
      let client = daemon.client()
      #expect(owner(daemon.pid) == user.id)
      let id = try client.create(canary.request("cat /proc/self/oom_score_adj"))
      #expect(owner(daemon.pid) == 0, "who is not dumpable is root's (proc(5))")
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.output(id).stdout.hasSuffix("\n0\n"), "though its files in /proc were root's")
      // It does all that it did before.
      #expect(try client.run("id", "-u").1.exitCode == 0)
      let go = Go(daemon.scratch)
      let long = try client.shell("\(go.wait); exit 5")
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      try go()
      #expect(try client.end(of: long).exitCode == 5)
      #expect(try daemon.control("reload").status == 0)
    }
  }
}
