import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The map of clients in the configuration file: each client has what is its own, and a reload takes a changed map.
@Suite(.serialized) struct ClientMapTests {
  private func with(_ clients: String, _ options: [String] = [], _ body: (Daemon) throws -> Void) throws {
    try Daemon.with(Daemon(options, configuration: "{ clients: { \(clients) } }"), body)
  }

  private func create(_ daemon: Daemon, _ body: String, as client: String = "alice") throws -> CurlReply {
    try daemon.curl("PUT", "/jobs", as: client, body: body)
  }

  @Test func eachClientHasItsOwnRateAndPlace() throws {
    try with(
      "'*': { create_rate: 1000, stored_bytes: '1MiB' }, 'al*': { create_rate: 1, stored_bytes: 2000 }"
    ) {
      daemon in
      let requests = Array(repeating: CreateRequest(cmd: "/bin/true"), count: 2)
      #expect(try daemon.client("bob").create(requests).allSatisfy { $0.id != nil })
      let results = try daemon.client().create(requests)
      #expect(results.contains { $0.id == nil } && results[0].id != nil)
      #expect(
        results.compactMap(\.error).allSatisfy { $0.contains("more than 1 jobs a second") }, "\(results)")
      for client in ["alice", "bob"] {
        try Poll.until("room for a job of \(client)") {
          try create(daemon, #"{"cmd":"head","args":["-c","4000","/dev/zero"]}"#, as: client).status == 200
        }
        try Poll.until("its end") { try daemon.client(client).list(["state": "running"]).jobs.isEmpty }
      }
      let full = try create(daemon, #"{"cmd":"true"}"#)
      #expect(full.status == 429 && full.text.contains("the most is 2000: delete some"), "\(full.text)")
      #expect(try create(daemon, #"{"cmd":"true"}"#, as: "bob").status == 200)
    }
  }

  @Test func eachClientHasItsOwnJobsAtOnce() throws {
    try with("bob: { running_jobs: 2 }, '*': { running_jobs: 1 }") { daemon in
      let (alice, bob) = (daemon.client(), daemon.client("bob"))
      func runs(_ client: JobClient, _ count: Int) throws -> Bool {
        try client.list(["state": "running"]).jobs.count { $0.pid != nil } == count
      }
      _ = try alice.shell("sleep 1000")
      try Poll.until("the first job to run") { try runs(alice, 1) }
      _ = try? alice.shell("sleep 1000")
      for _ in 0..<2 { _ = try bob.shell("sleep 1000") }
      try Poll.until("two jobs to run") { try runs(bob, 2) }
      #expect(try runs(alice, 1))
    }
  }

  @Test func eachClientHasItsOwnConnectionsAndFollowers() throws {
    try with("alice: { connections: 3, followers: 1 }") { daemon in
      let jobs = try ["alice", "bob"].map { try daemon.client($0).shell("echo 1; sleep 1000") }
      var held: [RawClient] = []
      for (name, job) in zip(["alice", "bob"], jobs) {
        for status in [200, name == "alice" ? 429 : 200] {
          let client = try daemon.rawClient(name)
          try client.send("GET /jobs/\(job)/log?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
          #expect(try client.reply(toHead: true).status == status, "\(name)")
          held.append(client)
        }
        let third = try daemon.rawClient(name)
        #expect(try third.get("/jobs").status == 200)
        held.append(third)
        let fourth = try daemon.rawClient(name)
        #expect(try fourth.get("/jobs").status == (name == "alice" ? 429 : 200))
      }
    }
  }

  @Test func moreThanAClientMayAskForIsRefusedWithTheMost() throws {
    try with("alice: { max_memory: '1GiB', max_cpus: 0.5, max_processes: 8 }") { daemon in
      for (limits, words) in [
        (#""memory":"2GiB""#, "limits: memory is at most 1GiB for you"),
        (#""cpus":0.75"#, "limits: cpus is at most 0.5 for you"),
        (#""processes":9"#, "limits: processes is at most 8 for you"),
      ] {
        let refused = try create(daemon, "{\"cmd\":\"true\",\"limits\":{\(limits)}}")
        #expect(refused.status == 400 && refused.text.contains(words), "\(refused.text)")
      }
    }
  }

  private func reload(_ daemon: Daemon, _ configuration: String) throws -> Finished {
    try daemon.configure(configuration)
    return try daemon.control("reload")
  }

  @Test func aReloadTakesAChangedMapForAnOpenConnectionToo() throws {
    try with("'*': { create_rate: 1000 }") { daemon in
      let running = try daemon.client().shell("sleep 1000")
      let body = #"{"cmd":"true","output_limit":5000}"#
      let open = try daemon.rawClient()
      try open.send(
        "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n{")
      try Processes.waitUntilIdle(daemon.apiPid)
      let done = try reload(daemon, "{ clients: { alice: { stored_bytes: 4000, output_limit: 4000 } } }")
      #expect(done.status == 0, "\(done.errorText)")
      try open.send(String(body.dropFirst()))
      let refused = try open.reply()
      #expect(refused.status == 400 && refused.text.contains("output_limit: at most 4000"), "\(refused)")
      #expect(try create(daemon, body).status == 400)
      #expect(try create(daemon, body, as: "bob").status == 200)
      #expect(try daemon.client().detail(running).status == .running)
      #expect(try reload(daemon, "{}").status == 0)
      #expect(try create(daemon, body).status == 200)
      try daemon.killSupervisor()
      #expect(try create(daemon, body).status == 200)
    }
  }

  @Test func aFileThatCannotBeUsedChangesNothing() throws {
    try with("alice: { max_cpus: 0.5 }") { daemon in
      let api = daemon.apiPid
      for (file, words) in [
        (
          "{ clients: { alice: { max_cpu: 2 } } }",
          "clients: \"alice\": there is no setting \"max_cpu\", did you mean"
        ),
        ("{ clients: { alice: { max_cpus: 2 }", "is not JSON5"), ("{ graze: '1s' }", "did you mean grace?"),
      ] {
        try daemon.configure(file)
        let failed = try Running(
          Programs.jobd, ["reload", "--state-directory", daemon.state], directory: daemon.scratch
        ).wait()
        #expect(failed.status == 1 && failed.errorText.contains(words), "\(failed.errorText)")
      }
      daemon.signal(SIGHUP)
      try daemon.waitForLog("event=reload_failed error=")
      #expect(daemon.apiPid == api && Processes.isAlive(api))
      #expect(try create(daemon, #"{"cmd":"true","limits":{"cpus":0.75}}"#).status == 400)
    }
  }

  /// One slot, whose job waits at the gate.
  @Test func whatAClientMayNoMoreHaveIsNotLaunched() throws {
    try with("", ["--client-running-jobs", "1"]) { daemon in
      let gate = try Gate(daemon.scratch)
      let client = daemon.client()
      let first = try client.create(CreateRequest(cmd: gate.program))
      try gate.waitUntilReached()
      var request = CreateRequest(cmd: "/bin/true")
      request.outputLimit = 5000
      let jobs = try client.create(Array(repeating: request, count: 20)).map { try #require($0.id) }
      let done = try reload(daemon, "{ clients: { alice: { stored_bytes: 4000, output_limit: 4000 } } }")
      #expect(done.status == 0, "\(done.errorText)")
      gate.open()
      #expect(try client.end(of: first).status == .completed)
      let last = try client.end(of: jobs[1])
      #expect(last.status == .error)
      #expect(
        last.errorMessage
          == "the daemon's configuration was changed since it was created: output_limit: at most 4000, the bytes that a client may store"
      )
    }
  }

  @Test func whatHoldsForAClientIsPrinted() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/jobd.json5"
    try Files.write(Array("{ clients: { 'ci-*': { max_cpus: 0.5 } } }".utf8), to: file)
    func jobd(_ arguments: String...) throws -> Finished {
      try Running(Programs.jobd, ["check-config", "--config", file] + arguments, directory: scratch).wait()
    }
    for arguments in [["--client", "ci-7"], ["--client=ci-7"]] {
      let done = try Running(
        Programs.jobd, ["check-config"] + arguments + ["--config", file], directory: scratch
      ).wait()
      #expect(done.status == 0, "\(done.errorText)")
      let lines = done.text.split(separator: "\n")
      #expect(lines.contains { $0.hasPrefix("  max_cpus: \"0.5\",") && $0.hasSuffix("// clients: \"ci-*\"") })
      #expect(
        lines.contains {
          $0.hasPrefix("  running_jobs: 12000,") && $0.hasSuffix("// client_running_jobs: default")
        })
    }
    #expect(try jobd("--client").status == 2)
    try Files.write(Array("{ clients: { 'ci-*': { max_cpu: 0.5 } } }".utf8), to: file)
    let wrong = try jobd("--client", "a")
    #expect(wrong.status == 2 && wrong.errorText.contains("clients: \"ci-*\": there is no setting"))
  }
}
