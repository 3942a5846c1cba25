import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `GET /metrics`: who may read it, and that it counts what happens.
@Suite(.serialized) struct MetricsTests {
  @Test func onlyRolesThatSeeAllReadThem() throws {
    let clients = "{ clients: { alice: { role: 'viewer' } } }"
    try Daemon.with(Daemon([], configuration: clients)) { daemon in
      let named = try daemon.curl("GET", "/metrics")
      #expect(named.status == 200)
      #expect(named.headers.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
      #expect(try daemon.curl("HEAD", "/metrics").status == 200)
      #expect(try daemon.curl("PUT", "/metrics").status == 405)
      #expect(try daemon.curl("GET", "/metrics?x=1").status == 400)
      for path in ["/metrics", "/metrics?x=1"] {
        let other = try daemon.curl("GET", path, as: "bob")
        #expect(other.status == 403 && other.text.contains("viewer or operator does"), "\(path)")
      }
      #expect(try daemon.curl("PUT", "/metrics", as: "bob").status == 405)
    }
  }

  @Test func countsWhatHappensToJobs() throws {
    try Daemon.with([
      "--client-role", "operator", "--client-running-jobs", "2", "--client-queued-jobs", "1",
    ]) { daemon in
      let client = daemon.client()
      let (done, _) = try client.run("/bin/true")
      _ = try client.run("/no/such/program")
      let running = try client.shell("sleep 1000")
      try Poll.until("the job's pid") { try client.detail(running).pid != nil }
      try client.delete(done)
      let second = try client.shell("sleep 1000")
      _ = try client.shell("true")
      #expect(try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#).status == 429)
      try Poll.until("the second job's pid") { try client.detail(second).pid != nil }
      let metrics = try Metrics(daemon)
      for (series, value) in [
        ("jobd_build_info{version=\"\(Version.text)\"}", 1), ("jobd_jobs_created_total", 5),
        ("jobd_jobs_started_total", 3), ("jobd_jobs_finished_total{state=\"completed\"}", 1),
        ("jobd_jobs_finished_total{state=\"error\"}", 1), ("jobd_jobs_deleted_total", 1),
        ("jobd_jobs_running", 2), ("jobd_jobs_queued", 1), ("jobd_job_wait_seconds_count", 0),
        ("jobd_launch_failures_total{error=\"ENOENT\"}", 1),
        ("jobd_refusals_total{limit=\"client_queued_jobs\"}", 1),
        ("jobd_http_requests_total{code=\"429\"}", 1), ("jobd_api_restarts_total", 0),
      ] as [(Substring, Double)] {
        #expect(metrics[series] == value, "\(series)")
      }
      #expect(metrics["jobd_store_commits_total"] >= 4)
      #expect(metrics["jobd_http_requests_total{code=\"200\"}"] >= 7)
      #expect(metrics["jobd_connections_total"] >= 3 && metrics["jobd_connections"] >= 1)
      for process in ["api", "supervisor"] {
        #expect(metrics["jobd_resident_memory_bytes{process=\"\(process)\"}"] > 1_048_576, "\(process)")
      }
      #expect(abs(metrics["process_start_time_seconds"] - Double(time(nil))) < 600)
    }
  }

  @Test func countsPeersThatAreNotLetInAndFollowers() throws {
    try Daemon.with(["--client-role", "operator", "--client-followers", "1"]) { daemon in
      let failures = try daemon.growth(of: "jobd_handshake_failures_total") {
        _ = try daemon.curlFails(["--cacert", "\(daemon.pki.directory)/ca.crt"])
      }
      #expect(failures == 1)
      let id = try daemon.client().shell("sleep 1000")
      let following = try daemon.startJobctl(["logs", "-f", "\(id)"])
      try Poll.until("a follower") { try Metrics(daemon)["jobd_followers"] == 1 }
      let refused = try daemon.growth(of: "jobd_refusals_total{limit=\"client_followers\"}") {
        let reply = try daemon.curl("GET", "/jobs/\(id)/log?follow=1")
        #expect(reply.status == 429)
      }
      #expect(refused == 1)
      following.signal(SIGKILL)
      _ = try following.wait()
      try Poll.until("no follower") { try Metrics(daemon)["jobd_followers"] == 0 }
    }
  }

  /// The counters are those of the daemon, whoever serves.
  @Test func countsGoOnOverDeathsAReloadAndAnUpgrade() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      for _ in 0..<3 { _ = try daemon.client().run("/bin/true") }
      let before = try Metrics(daemon)
      let killed = daemon.apiPid
      kill(killed, SIGKILL)
      try Poll.until("another api process") { daemon.apiPid != killed }
      daemon.signal(SIGHUP)
      try daemon.waitForLog("event=reloaded")
      daemon.signal(SIGUSR2)
      try daemon.waitForLog("event=upgraded")
      try daemon.killSupervisor()
      let after = try Metrics(daemon)
      #expect(after["jobd_jobs_created_total"] == 3)
      #expect(after["jobd_api_restarts_total"] == 1 && after["jobd_supervisor_restarts_total"] == 1)
      let requests: Substring = "jobd_http_requests_total{code=\"200\"}"
      #expect(after[requests] > before[requests] && before[requests] >= 6)
      #expect(after["jobd_connections_total"] > before["jobd_connections_total"])
      #expect(after["process_start_time_seconds"] == before["process_start_time_seconds"])
    }
  }
}
