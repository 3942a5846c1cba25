import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The audit trail: who did what.
@Suite(.serialized) struct AuditTests {
  private static let canary = "canary-5e1f"

  /// A daemon with a trail in its scratch directory.
  private func withTrail(
    _ options: [String] = [], configuration: String = "{}",
    _ body: (Daemon, _ path: String, _ records: () throws -> [AuditRecord]) throws -> Void
  ) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let path = "\(scratch.path)/audit.log"
    let daemon = try Daemon(["--audit-file", path] + options, configuration: configuration)
    Daemon.with(daemon) { daemon in
      try body(daemon, path) { try AuditRecord.all(path) }
    }
  }

  @Test func eachRequestHasALineWhenItIsAnswered() throws {
    try withTrail { daemon, path, records in
      let client = daemon.client()
      let body =
        #"{"cmd":"sh","args":["-c","trap '' USR1; cat; sleep 1000","a\n{\"event\":\"x\"}"],"env":{"SECRET":"\#(Self.canary)"},"stdin_open":true}"#
      #expect(try daemon.curl("PUT", "/jobs", body: body).status == 200)
      let created = try #require(try records().last)
      #expect(created.event == "create" && created.outcome == "success" && created.client == "alice")
      #expect(created.role == "owner" && created.command?.last == "a\n{\"event\":\"x\"}")
      let shown = try Running(
        "openssl", ["x509", "-in", "\(daemon.pki.directory)/alice.crt", "-noout", "-serial"],
        directory: daemon.scratch
      ).wait().text
      #expect(shown == "serial=\(created.serial ?? "")\n")
      #expect(created.fingerprint?.count == 64 && created.address?.hasPrefix("127.0.0.1:") == true)
      let id = try JobID(#require(created.job))!
      try client.feed(id, Array(Self.canary.utf8), close: false)
      #expect(try records().last?.event == "input" && records().last?.job == "\(id)")
      _ = try daemon.curl("POST", "/jobs/\(id)/signal", body: #"{"signal":"USR1"}"#)
      let signal = try #require(try records().last)
      #expect(signal.event == "signal" && signal.signal == 10 && signal.signalName == "USR1")
      _ = try daemon.curl("POST", "/jobs/\(id)/stop", body: #"{"grace":"2s"}"#)
      #expect(try records().last?.event == "stop" && records().last?.grace == "2s")
      #expect(try daemon.curl("POST", "/jobs/\(id)/signal", body: #"{"signal":"USR1"}"#).status == 409)
      let failed = try #require(try records().last)
      #expect(failed.event == "signal" && failed.outcome == "failure" && failed.reason == "the job has ended")
      try client.delete(id)
      #expect(try records().last?.event == "delete" && records().last?.outcome == "success")
      #expect(try records().allSatisfy { $0.owner == nil })
      #expect(!Files.text(path).contains(Self.canary))
      #expect(try records().first?.cause == "start")
    }
  }

  @Test func runsBatchesAndRepeatedCreationsHaveLines() throws {
    try withTrail { daemon, path, records in
      let run = try daemon.curl("POST", "/jobs:run", body: #"{"cmd":"echo","args":["hi"],"rm":true}"#)
      #expect(run.status == 200 && run.text.contains("hi"))
      #expect(try records().last?.command == ["echo", "hi"] && records().last?.rm == true)
      if geteuid() == 0 {
        _ = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","user":"root","group":"daemon"}"#)
        #expect(try records().last?.user == "root" && records().last?.group == "daemon")
      }
      let jobctl = try daemon.jobctl("run", "sh", "-c", "exit 3")
      #expect(jobctl.status == 3)
      #expect(try records().contains { $0.command == ["sh", "-c", "exit 3"] && $0.outcome == "success" })
      let batch = try daemon.curl("POST", "/jobs:batch", body: #"{"jobs":[{"cmd":"true"},{"cmd":"false"}]}"#)
      #expect(batch.status == 200)
      #expect(try records().suffix(2).map(\.command) == [["true"], ["false"]])
      let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      let secret = #"{"cmd":"true","secret_env":{"KEY":"\#(Self.canary)"}}"#
      _ = try daemon.curl("PUT", "/jobs", body: secret, ["-H", "traceparent: \(trace)"])
      #expect(try records().last?.outcome == "success" && records().last?.traceparent == trace)
      #expect(!Files.text(path).contains(Self.canary))
      let key = ["-H", "Idempotency-Key: once"]
      for _ in 0..<2 { _ = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#, key) }
      let last = try records().suffix(2)
      #expect(Set(last.map(\.job)).count == 1 && last.map { $0.repeated == true } == [false, true])
      #expect(try daemon.curl("PUT", "/jobs", body: #"{"cmd":"false"}"#, key).status != 200)
      #expect(try records().last?.outcome == "failure" && records().last?.job == nil)
    }
  }

  /// Its line does not wait for its end, nor for its api process.
  @Test func aRunThatLastsHasItsLineAtOnce() throws {
    try withTrail { daemon, _, records in
      let go = Go(daemon.scratch)
      let script = "\(go.wait)"
      let running = try daemon.startCurl("/jobs:run", ["-d", #"{"cmd":"sh","args":["-c","\#(script)"]}"#])
      try Poll.until("the line") { try records().last?.event == "create" }
      Glibc.kill(daemon.apiPid, SIGKILL)
      _ = try running.wait()
      try go()
      try Poll.until("another api process") { (try? daemon.client().list().jobs.count) == 1 }
      #expect(try records().count { $0.event == "create" } == 1)
    }
  }

  @Test func whatARoleLacksHasALine() throws {
    let roles = #"{clients: {bob: {role: "viewer"}}}"#
    try withTrail(configuration: roles) { daemon, _, records in
      let id = try daemon.client().shell("sleep 1000")
      #expect(try daemon.curl("PUT", "/jobs", as: "bob", body: #"{"cmd":"true"}"#).status == 403)
      let created = try #require(try records().last)
      #expect(created.event == "refused" && created.client == "bob" && created.role == "viewer")
      #expect(created.request == "PUT /jobs" && created.outcome == "failure" && created.reason != nil)
      #expect(try daemon.curl("DELETE", "/jobs/\(id)", as: "bob").status == 403)
      #expect(try records().last?.request == "DELETE /jobs/{id}" && records().last?.job == "\(id)")
      #expect(try daemon.curl("GET", "/jobs/\(id)", as: "bob").status == 200)
    }
  }

  /// What is not there is asked for once: that is no attempt to see others' jobs.
  @Test func aMisspelledJobIsNoRefusedRight() throws {
    try withTrail { daemon, _, records in
      #expect(try daemon.jobctl("status", "abcdef").status == 123)
      #expect(try daemon.curl("GET", "/jobs?client=bob").status == 403)
      let refused = try records().filter { $0.event == "refused" }
      #expect(refused.count == 1 && refused[0].reason?.contains("the client \"bob\"'s jobs") == true)
    }
  }

  @Test func aRunThatIsDeletedWasCreated() throws {
    try withTrail { daemon, _, records in
      let running = try daemon.startCurl("/jobs:run", ["-d", #"{"cmd":"sleep","args":["1000"]}"#])
      try Poll.until("the job") { try daemon.client().list().jobs.first?.pid != nil }
      try daemon.client().delete(daemon.client().list().jobs[0].id)
      _ = try running.wait()
      #expect(try records().suffix(2).map(\.event) == ["create", "delete"])
    }
  }

  @Test func anOperatorsLineSaysWhoseTheJobIs() throws {
    let roles = #"{clients: {bob: {role: "operator"}}}"#
    try withTrail(configuration: roles) { daemon, _, records in
      let id = try daemon.client().shell("sleep 1000")
      #expect(try daemon.curl("POST", "/jobs/\(id)/stop", as: "bob", body: "{}").status == 200)
      let stop = try #require(try records().last)
      #expect(
        stop.event == "stop" && stop.client == "bob" && stop.role == "operator" && stop.owner == "alice")
      #expect(try daemon.curl("DELETE", "/jobs/\(id)", as: "bob").status == 200)
      #expect(try records().last?.owner == "alice")
    }
  }

  /// However many there are.
  @Test func whoIsNotLetInHasALine() throws {
    try withTrail { daemon, _, records in
      let other = "\(daemon.pki.directory)/other"
      let stranger = [
        "--cacert", "\(daemon.pki.directory)/ca.crt", "--cert", "\(other)/alice.crt", "--key",
        "\(other)/alice.key",
      ]
      #expect(try daemon.curlFails(stranger).status != 0)
      try Poll.until("the line") { try records().last?.event == "handshake" }
      let line = try #require(try records().last)
      #expect(line.outcome == "failure" && line.shownName == "alice" && line.client == nil)
      #expect(line.reason?.contains("client certificate refused") == true && line.serial != nil)
      #expect(line.address?.hasPrefix("127.0.0.1:") == true && line.fingerprint == nil)
      let count = 200
      for _ in 0..<count {
        let descriptor = try RawClient.connect(UInt16(daemon.port))
        _ = write(descriptor, "nonsense", 8)
        close(descriptor)
      }
      func told() throws -> Int {
        try records().filter { $0.event == "handshake" }.reduce(0) { $0 + ($1.count ?? 1) }
      }
      try Poll.until("all to be counted") { try told() == count + 1 }
    }
  }

  /// SIGHUP and jobd reload.
  @Test func aMovedFileIsLeftAndReloadsHaveLines() throws {
    try withTrail { daemon, path, records in
      _ = try daemon.client().run("true")
      rename(path, path + ".1")
      _ = try daemon.client().run("true")
      let control = try daemon.control("reload")
      #expect(control.status == 0)
      try Poll.until("the line of the reload") { try records().last?.event == "configuration" }
      #expect(try records().last?.cause == "jobd reload" && records().last?.outcome == "success")
      #expect(try AuditRecord.all(path + ".1").count { $0.event == "create" } == 2)
      _ = try daemon.client().run("true")
      #expect(try records().count { $0.event == "create" } == 1)
      try daemon.configure("{nonsense: 1}")
      daemon.signal(SIGHUP)
      try Poll.until("the line of the failure") { try records().last?.outcome == "failure" }
      #expect(try records().last?.cause == "SIGHUP" && records().last?.reason?.contains("nonsense") == true)
    }
  }

  /// It is not left for one that cannot be written.
  @Test func aReloadThatWouldEndTheTrailFails() throws {
    try withTrail { daemon, path, _ in
      rename(path, path + ".1")
      mkdir(path, 0o755)
      let control = try daemon.control("reload")
      #expect(control.status != 0 && control.errorText.contains("audit file"), "\(control.errorText)")
      #expect(try daemon.client().run("true").1.exitCode == 0)
      let records = try AuditRecord.all(path + ".1")
      #expect(records.contains { $0.cause == "jobd reload" && $0.outcome == "failure" })
      #expect(records.last?.event == "create")
      rmdir(path)
    }
  }

  @Test func aFloodOfRefusedRequestsHasFewLines() throws {
    try withTrail(configuration: #"{clients: {bob: {role: "viewer"}}}"#) { daemon, _, records in
      let client = try daemon.rawClient("bob")
      for _ in 0..<200 {
        try client.send(
          "DELETE /jobs/01a20dd9-cf1e-707e-8624-250b697e1403 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.reply().status == 403)
      }
      try Poll.until("all to be told") {
        try records().filter { $0.event == "refused" }.reduce(0) { $0 + ($1.count ?? 1) } == 200
      }
      // A slow machine takes several seconds.
      let lines = try records().filter { $0.event == "refused" }
      #expect(lines.count < 200 && lines.contains { $0.count ?? 1 > 1 })
    }
  }

  @Test func theEndOfTheDaemonHasALine() throws {
    try withTrail { daemon, _, records in
      daemon.signal(SIGTERM)
      try Poll.until("the line") { try records().last?.cause == "stop" }
    }
  }

  @Test func aSuccessorGoesOn() throws {
    try withTrail { daemon, _, records in
      _ = try daemon.client().run("true")
      try daemon.killSupervisor()
      try Poll.until("the line of the restart") { try records().last?.cause == "restart" }
      _ = try daemon.client().run("true")
      #expect(try records().count { $0.event == "create" } == 2)
    }
  }

  @Test func oneThatCannotBeOpenedKeepsTheDaemonFromStarting() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let place = ["--state-directory", "\(scratch.path)/state", "--listen", "127.0.0.1:0"]
    let options = try place + Pki.shared.get().serverOptions + ["--user", "backup", "--log-level", "error"]
    for (path, why) in [
      ("\(scratch.path)/none/audit.log", "No such file or directory"), (scratch.path, "directory"),
      ("relative", "absolute path"),
    ] {
      for command in [["check-config"], []] {
        let done = try Running(
          Programs.jobd, command + options + ["--audit-file", path], directory: scratch
        ).wait()
        #expect(
          done.status != 0 && done.errorText.contains(path) && done.errorText.contains(why),
          "\(done.errorText)")
      }
    }
  }
}

/// A disk that is full, or has no room for the trail.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct AuditDiskTests {
  private func fillTrail(
    _ options: [String], _ body: (Daemon, SmallDisk, _ path: String) throws -> Void
  ) throws {
    let disk = try SmallDisk("3m")
    defer { disk.remove() }
    let path = "\(disk.path)/audit.log"
    let daemon = try Daemon(["--audit-file", path, "--client-role", "operator"] + options)
    Daemon.with(daemon) { daemon in try body(daemon, disk, path) }
  }

  /// A creation whose line is long.
  private func create(_ daemon: Daemon) throws -> CurlReply {
    let long = String(repeating: "x", count: 100_000)
    return try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","args":["\#(long)"]}"#)
  }

  @Test func creationsAreRefusedBeforeTheirLinesAreLost() throws {
    try fillTrail([]) { daemon, disk, path in
      let job = try daemon.client().shell("sleep 1000")
      try disk.fill()
      var created = 1
      var reply = try create(daemon)
      while reply.status == 200, created < 100 {
        created += 1
        reply = try create(daemon)
      }
      #expect(reply.status == 507)
      #expect(reply.text.contains("the audit trail cannot be written") && reply.text.contains(path))
      #expect(reply.text.contains("No space left on device"))
      // None of those that were created lacks its line, and none that was refused has it.
      let records = try AuditRecord.all(path).filter { $0.event == "create" }
      #expect(records.count { $0.outcome == "success" } == created)
      #expect(try daemon.client().list(["limit": "200"]).jobs.count == created)
      // What creates nothing goes on.
      try daemon.client().delete(job)
      #expect(daemon.log.contains("event=audit_failing"))
      #expect(try Metrics(daemon)["jobd_audit_failures_total"] >= 1)
      disk.empty()
      try Poll.until("creations to be taken") {
        try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#).status == 200
      }
      #expect(daemon.log.contains("event=audit_recovered"))
      let after = try AuditRecord.all(path)
      #expect(after.contains { $0.event == "delete" && $0.job == "\(job)" })
      #expect(after.contains { $0.event == "create" && $0.reason?.contains("the audit trail") == true })
    }
  }

  /// A line of its own says how many there are not.
  @Test func jobsAreCreatedAllTheSameWhereThatIsAllowed() throws {
    try fillTrail(["--audit-required", "false"]) { daemon, disk, path in
      try disk.fill()
      let count = 40
      for _ in 0..<count { #expect(try create(daemon).status == 200) }
      #expect(daemon.log.contains("event=audit_failing"))
      disk.empty()
      try Poll.until("the trail to be written") { daemon.log.contains("event=audit_recovered") }
      let records = try AuditRecord.all(path)
      let lost = records.compactMap(\.lost)
      #expect(
        lost.count == 1 && records.count { $0.event == "create" } + lost.reduce(0, +) == count, "\(lost)")
    }
  }

  /// The trail takes no more until it is let, as if its disk had lied about the room that is kept; all other files of the
  /// daemon are shorter.
  private func cutTrail(_ body: (Daemon, _ path: String, _ lift: () throws -> Void) throws -> Void) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let path = "\(scratch.path)/audit.log"
    let long = String(repeating: "x", count: 4 << 20)
    try Files.write(Array(#"{"time":"","event":"before","reason":"\#(long)"}\#n"#.utf8), to: path)
    try Daemon.with(["--audit-file", path]) { daemon in
      try Poll.until("its first line") { try AuditRecord.all(path).last?.event == "configuration" }
      func limit(_ size: String) throws {
        let done = try Running(
          "prlimit", ["--pid", "\(daemon.pid)", "--fsize=\(size):"], directory: scratch
        ).wait()
        try #require(done.status == 0, "\(done.errorText)")
      }
      try limit("\(Files.read(path).count)")
      try body(daemon, path) { try limit("unlimited") }
    }
  }

  /// Those that come once it is known that lines are lost are refused, and not created.
  private static let batch =
    "{\"jobs\":[\(Array(repeating: #"{"cmd":"true","rm":true}"#, count: 40).joined(separator: ","))]}"

  /// Creations that have a line, of their own or with others.
  private func told(_ path: String) throws -> Int {
    try AuditRecord.all(path).filter { $0.event == "create" }.reduce(0) { $0 + ($1.count ?? 1) }
  }

  /// Its result is kept, as one that could not be delivered.
  @Test func aRunWhoseLineIsLostIsToldSo() throws {
    try cutTrail { daemon, path, lift in
      let reply = try daemon.curl("POST", "/jobs:batch?run=1", body: Self.batch)
      let lost = reply.text.split(separator: "\n").filter { $0.contains("was created") }
      #expect(reply.status == 200 && !lost.isEmpty, "\(reply.text.suffix(300))")
      // The answer came with its launch: its record follows its end.
      var jobs: [JobDetail] = []
      try Poll.until("the jobs that were not delivered") {
        jobs = try daemon.client().list(["limit": "40"]).jobs
        return jobs.count == lost.count
      }
      #expect(jobs.allSatisfy { job in lost.contains { $0.contains("\(job.id)") } })
      #expect(try told(path) == 0)
      try lift()
      try Poll.until("all lines") { try told(path) == 40 }
      for job in jobs { try daemon.client().delete(job.id) }
    }
  }

  @Test func aJobThatWasCreatedWithoutItsLineIsToldSo() throws {
    try cutTrail { daemon, path, lift in
      let batch = Self.batch.replacing(#","rm":true"#, with: "")
      let reply = try daemon.curl("POST", "/jobs:batch", body: batch)
      let lost = reply.text.split(separator: "was created").count - 1
      #expect(reply.status == 200 && lost > 0, "\(reply.text.suffix(300))")
      #expect(try daemon.client().list(["limit": "40"]).jobs.count == lost)
      #expect(try create(daemon).status == 507)
      #expect(try told(path) == 0)
      try lift()
      try Poll.until("all lines") { try told(path) == 41 }
      #expect(try create(daemon).status == 200)
    }
  }
}
