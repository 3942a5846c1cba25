import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Limits of the system and of the daemon: a clear error to who met it, and the rest goes on.
@Suite(.serialized) struct LimitTests {
  @Test func withoutDescriptorsJobsFailClearlyAndTheDaemonGoesOn() throws {
    try Daemon.with(limits: ["--nofile=120:120"]) { daemon in
      let client = daemon.client()
      let ids = try (0..<60).map { _ in try client.shell("sleep 1000") }
      try Poll.until("each to run or to fail") {
        try ids.map { try client.detail($0) }.allSatisfy { $0.pid != nil || $0.status == .error }
      }
      let ends = try ids.map { try client.stop($0, grace: DurationText("0s")) }
      let failed = ends.filter { $0.status == .error }
      #expect(!failed.isEmpty)
      #expect(failed.allSatisfy { $0.errorMessage?.contains("Too many open files") == true }, "\(failed)")
      #expect(ends.contains { $0.signal == SIGKILL })
      #expect(try client.run("/bin/true").1.exitCode == 0)
    }
  }

  @Test func outputThatDoesNotFitIsAClearErrorOfThatJobAlone() throws {
    try Daemon.with(limits: ["--fsize=1048576:1048576"]) { daemon in
      let client = daemon.client()
      let (id, status) = try client.run("head", "-c", "3000000", "/dev/zero")
      #expect(status.status == .completed)
      #expect(status.exitCode == 0)
      #expect(status.errorMessage?.contains("File too large") == true, "\(status)")
      let detail = try client.detail(id)
      #expect(detail.stdoutBytes == 1 << 20)
      #expect(detail.truncated)
      let (small, _) = try client.run("echo", "fits")
      #expect(try client.output(small).stdout == "fits\n")
    }
  }

  @Test func aClientWithTooManyJobsThatWaitIsToldSo() throws {
    try Daemon.with(["--client-running-jobs", "1", "--client-queued-jobs", "2"]) { daemon in
      let client = daemon.client()
      for _ in 0..<3 { _ = try client.shell("sleep 1000") }
      let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#)
      #expect(refused.status == 429)
      #expect(refused.headers.lowercased().contains("retry-after:"))
      #expect(try daemon.client("bob").run("/bin/true").1.exitCode == 0)
    }
  }

  /// The job that it made may be what the limit counts.
  @Test func aRequestThatIsRepeatedIsAnsweredAtTheLimitToo() throws {
    try Daemon.with(["--client-running-jobs", "1", "--client-queued-jobs", "0"]) { daemon in
      let client = try daemon.rawClient()
      func create(_ key: String, _ seconds: Int = 1000) throws -> RawClient.Reply {
        let body = "{\"cmd\":\"sleep\",\"args\":[\"\(seconds)\"]}"
        return try client.ask(
          "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: \(key)\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
      let first = try create("a")
      #expect(first.status == 200)
      #expect(try create("a") == first)
      #expect(try create("a", 2000).status == 422 || create("a", 2000).status == 409, "another request")
      #expect(try create("b").status == 429)
    }
  }

  @Test func aFullDaemonSaysSo() throws {
    try Daemon.with(["--max-running-jobs", "1", "--max-queued-jobs", "1"]) { daemon in
      let client = daemon.client()
      for _ in 0..<2 { _ = try client.shell("sleep 1000") }
      let refused = try daemon.curl("PUT", "/jobs", as: "bob", body: #"{"cmd":"true"}"#)
      #expect(refused.status == 503)
      #expect(refused.headers.lowercased().contains("retry-after:"))
    }
  }
}
