import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What a creation can say.
@Suite(.serialized) struct CreationTests {
  private func run(_ client: JobClient, _ script: String, _ change: (inout CreateRequest) -> Void) throws -> (
    OutputReply, StatusReply
  ) {
    var request = CreateRequest(cmd: "sh", args: ["-c", script])
    change(&request)
    let id = try client.create(request)
    let status = try client.end(of: id)
    return (try client.output(id), status)
  }

  @Test func environmentDirectoryInputAndMerge() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let plain = try run(client, "env | sort | sed 's/=.*ID.*//; s/JOBD_JOB_ID=.*/JOBD_JOB_ID/'; pwd") { _ in
      }
      let user = try Running("id", ["-un"], directory: daemon.scratch).wait().text.dropLast()
      let names = plain.0.stdout.split(separator: "\n").map { $0.prefix { $0 != "=" } }
      #expect(
        names == ["HOME", "JOBD_JOB_ID", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER", "/"],
        "\(plain.0.stdout)")
      #expect(plain.0.stdout.contains("USER=\(user)\n") && plain.0.stdout.contains("LANG=C.UTF-8\n"))
      let changed = try run(client, "echo $A $LANG; pwd") {
        $0.env = ["A": "b=c", "LANG": "C"]
        $0.cwd = "/tmp"
      }
      #expect(changed.0.stdout == "b=c C\n/tmp\n")
      #expect(try run(client, "cat") { $0.stdin = "text" }.0.stdout == "text")
      #expect(try run(client, "od -An -tx1") { $0.stdinBase64 = "AP8=" }.0.stdout == " 00 ff\n")
      let merged = try run(client, "echo a; echo b >&2; echo c") { $0.merge = true }
      #expect(merged.0 == OutputReply(stdout: "a\nb\nc\n", stderr: ""))
      let missing = try run(client, "true") { $0.cwd = "/nonexistent" }
      #expect(missing.1.status == .error)
      #expect(
        missing.1.errorMessage == #"cannot start the job: chdir "/nonexistent": No such file or directory"#)
    }
  }

  @Test func whatWasAskedForIsToldButTheEnvironment() throws {
    try Daemon.with { daemon in
      var request = CreateRequest(cmd: "/bin/true")
      (request.cwd, request.labels, request.env) = ("/tmp", ["a": "b"], ["PASSWORD": "hidden"])
      (request.timeout, request.grace) = (DurationText("90s"), DurationText("0s"))
      (request.merge, request.outputLimit, request.onLimit) = (true, 0, .kill)
      let id = try daemon.client().create(request)
      let detail = try daemon.client().detail(id)
      #expect((detail.cwd, detail.merge, detail.outputLimit, detail.onLimit) == ("/tmp", true, 0, .kill))
      #expect((detail.timeout, detail.grace) == (DurationText("90s"), DurationText("0s")))
      let text = try daemon.curl("GET", "/jobs/\(id)").text
      #expect(text.contains(#""output_limit":0"#) && text.contains(#""on_limit":"kill""#), "\(text)")
      #expect(!text.contains("PASSWORD") && !text.contains("hidden"))
      let plain = try daemon.client().detail(try daemon.client().create(CreateRequest(cmd: "/bin/true")))
      #expect((plain.grace, plain.outputLimit, plain.onLimit) == (nil, nil, nil))
    }
  }

  @Test func timeAndOutputAreLimited() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let timed = try run(client, "trap 'echo term; exit 9' TERM; while :; do sleep 0.05; done") {
        $0.timeout = DurationText("2s")
      }
      #expect(timed.1.timedOut == true)
      #expect(timed.1.exitCode == 9)
      #expect(timed.0.stdout == "term\n")
      let stubborn = try run(client, "trap '' TERM; while :; do sleep 0.05; done") {
        $0.timeout = DurationText("2s")
        $0.grace = DurationText("200ms")
      }
      #expect(stubborn.1.signal == SIGKILL)
      let limited = try run(client, "head -c 1000 /dev/zero; exit 4") { $0.outputLimit = 10 }
      #expect(limited.1.exitCode == 4)
      #expect(limited.0.stdout.utf8.count == 10)
      #expect(limited.0.truncated == true)
      let killed = try run(client, "cat /dev/zero") {
        $0.outputLimit = 10
        $0.onLimit = .kill
      }
      #expect(killed.1.signal == SIGKILL)
      #expect(killed.1.errorMessage?.contains("output limit") == true)
      #expect((limited.1.truncated, killed.1.truncated, timed.1.truncated) == (true, true, nil))
      let events = try daemon.curl("GET", "/events").text.split(separator: "\n")
        .map { try JSONDecoder().decode(JobEvent.self, from: Data($0.utf8)) }
      #expect(events.compactMap(\.status).map(\.truncated) == [nil, nil, true, true])
    }
  }

  @Test func aJobRunsAsAnotherUserWhereTheDaemonMay() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      guard geteuid() == 0 else {
        return #expect(try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","user":"root"}"#).status == 403)
      }
      let nobody = try run(client, "id -un; id -G") { $0.user = "nobody" }
      #expect(nobody.0.stdout.hasPrefix("nobody\n"))
      #expect(nobody.0.stdout.split(separator: "\n").last?.contains(" ") == false, "no other group is kept")
      let unknown = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","user":"no such user"}"#)
      #expect(unknown.status == 400)
      #expect(unknown.text.contains("no such user"))
    }
  }

  @Test func anIdempotencyKeyMakesOneJob() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let file = "\(daemon.scratch.path)/launches"
      try Files.write([], to: file, mode: 0o666)
      let request = CreateRequest(cmd: "sh", args: ["-c", "echo x >> \(file)"])
      let first = try client.create(request, key: "once")
      _ = try client.end(of: first)
      #expect(try client.create(request, key: "once") == first)
      daemon.kill()
      try daemon.start()
      let fresh = daemon.client()
      #expect(try fresh.create(request, key: "once") == first, "the key is kept on disk")
      #expect(Files.text(file) == "x\n")
      let other = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#, ["-H", "Idempotency-Key: once"])
      #expect(other.status == 422)
      let bad = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#, ["-H", "Idempotency-Key: \u{e9}"])
      #expect(bad.status == 400)
    }
  }

  @Test func moreOutputThanAClientMayStoreIsRefused() throws {
    try Daemon.with(["--client-stored-bytes", "128MiB"]) { daemon in
      for (limit, status) in [(128 << 20, 200), (128 << 20 + 1, 400), (4_600_000_000_000_000_000, 400)] {
        let reply = try daemon.curl("PUT", "/jobs", body: "{\"cmd\":\"true\",\"output_limit\":\(limit)}")
        #expect(reply.status == status, "\(reply.text)")
        #expect(status == 200 || reply.text.contains("output_limit: at most 134217728"), "\(reply.text)")
      }
    }
  }

  @Test func aBatchThatIsSentAgainMakesTheSameJobs() throws {
    try Daemon.with { daemon in
      let requests = (0..<1000).map { CreateRequest(cmd: "sh", args: ["-c", "exit \($0 % 256)"]) }
      let first = try daemon.client().create(requests, key: "batch")
      #expect(first.count == 1000 && Set(first.compactMap(\.id)).count == 1000)
      daemon.kill()
      try daemon.start()
      let client = daemon.client()
      #expect(try client.create(requests, key: "batch") == first, "the keys are kept on disk")
      var changed = Array(requests[0..<3])
      changed[1].args = ["-c", "exit 7"]
      let again = try client.create(changed, key: "batch")
      #expect(again[0] == first[0] && again[1].status == 422 && again[2] == first[2])
      #expect(try client.create(requests[0], key: "batch") != first[0].id, "a single job's key is another")
      let bad = try daemon.curl(
        "POST", "/jobs:batch", body: #"{"jobs":[{"cmd":"true"}]}"#, ["-H", "Idempotency-Key: \u{e9}"])
      #expect(bad.status == 400)
    }
  }

  @Test func aBatchHasAResultForEach() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let jobs =
        (0..<300).map { #"{"cmd":"sh","args":["-c","exit \#($0 % 100)"]}"# } + [
          #"{"cmd":""}"#, #"{"cmd":"true","x":1}"#,
        ]
      let reply = try daemon.curl("POST", "/jobs:batch", body: #"{"jobs":[\#(jobs.joined(separator: ","))]}"#)
      #expect(reply.status == 200)
      let results = try JSONDecoder().decode(BatchReply.self, from: Data(reply.body)).results
      #expect(results.count == 302)
      for (number, result) in results.prefix(300).enumerated() {
        #expect(try client.end(of: try #require(result.id)).exitCode == Int32(number % 100))
      }
      #expect(results[300].status == 400)
      #expect(results[301].error?.contains("\"x\"") == true)
      let many = Array(repeating: #"{"cmd":"true"}"#, count: 1001).joined(separator: ",")
      #expect(try daemon.curl("POST", "/jobs:batch", body: #"{"jobs":[\#(many)]}"#).status == 400)
      #expect(try daemon.curl("POST", "/jobs:batch", body: #"{"jobs":[]}"#).status == 400)
    }
  }
}
