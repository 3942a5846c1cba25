import Harness
import JobAPI
import Testing

/// jobctl through an HTTP proxy.
@Suite(.serialized) struct CliProxyTests {
  private func jobctl(
    _ daemon: Daemon, _ line: [String], _ variables: [String: String]
  ) throws -> Finished {
    let environment = daemon.jobctlEnvironment("alice").merging(variables) { $1 }
    return try Running(Programs.jobctl, line, environment: environment, directory: daemon.scratch).wait()
  }

  private func withProxy(
    _ daemon: Daemon, credentials: String? = nil, refusal: String? = nil,
    _ body: (ConnectProxy) throws -> Void
  ) throws {
    let proxy = try ConnectProxy(to: daemon.port, credentials: credentials, refusal: refusal)
    defer { proxy.stop() }
    try body(proxy)
  }

  @Test func theConnectionGoesThroughAProxyEndToEnd() throws {
    try Daemon.with { daemon in
      var used: ConnectProxy?
      // A host that only the proxy can find.
      let elsewhere = ["JOBCTL_SERVER": "jobs.invalid", "JOBCTL_SERVER_NAME": "localhost"]
      try withProxy(daemon) { proxy in
        used = proxy
        let variables = elsewhere.merging(["HTTPS_PROXY": "http://127.0.0.1:\(proxy.port)/"]) { $1 }
        let done = try jobctl(daemon, ["run", "echo", "through the tunnel"], variables)
        #expect(done.status == 0 && done.text == "through the tunnel\n", "\(done.errorText)")
        let given = try jobctl(daemon, ["ps", "--proxy", "127.0.0.1:\(proxy.port)"], elsewhere)
        #expect(given.status == 0, "\(given.errorText)")
      }
      let proxy = try #require(used)
      #expect(proxy.heads.count >= 2)
      for head in proxy.heads {
        #expect(head == "CONNECT jobs.invalid:7443 HTTP/1.1\r\nHost: jobs.invalid:7443\r\n\r\n")
      }
      let text = String(decoding: proxy.sent, as: UTF8.self)
      #expect(!proxy.sent.isEmpty && !text.contains("tunnel") && !text.contains("HTTP/1.1"))
    }
  }

  @Test func aProxyMayAskForAPassword() throws {
    try Daemon.with { daemon in
      // "u ser:p@ss"
      try withProxy(daemon, credentials: "dSBzZXI6cEBzcw==") { proxy in
        let admitted = try jobctl(
          daemon, ["ps", "--proxy", "http://u%20ser:p%40ss@127.0.0.1:\(proxy.port)"], [:])
        #expect(admitted.status == 0, "\(admitted.errorText)")
        let url = "http://u:wrong@127.0.0.1:\(proxy.port)"
        let refused = try jobctl(daemon, ["ps"], ["JOBCTL_PROXY": url])
        #expect(refused.status == 121)
        #expect(refused.errorText.contains("asks for a user and a password"), "\(refused.errorText)")
        let shown = try jobctl(daemon, ["config"], ["JOBCTL_PROXY": url])
        #expect(shown.text.contains("http://***@127.0.0.1") && !shown.text.contains("wrong"), "\(shown.text)")
        let kept = try jobctl(daemon, ["config", "set", "--proxy", url], [:])
        #expect(kept.status == 120 && kept.errorText.contains("keeps no password"), "\(kept.errorText)")
      }
      try withProxy(daemon, refusal: "403 Forbidden") { proxy in
        let refused = try jobctl(daemon, ["ps", "--proxy", "http://127.0.0.1:\(proxy.port)"], [:])
        #expect(
          refused.status == 121 && refused.errorText.contains("it answered 403"), "\(refused.errorText)")
      }
    }
  }

  @Test func thisHostAndExceptionsNeedNoProxy() throws {
    try Daemon.with { daemon in
      // Nobody listens there.
      let proxy = ["HTTPS_PROXY": "http://127.0.0.1:1"]
      #expect(try jobctl(daemon, ["ps"], proxy).status == 0, "localhost is this host")
      let elsewhere = proxy.merging(["JOBCTL_SERVER": "jobs.invalid:\(daemon.port)"]) { $1 }
      let failed = try jobctl(daemon, ["ps"], elsewhere)
      #expect(failed.status == 121 && failed.errorText.contains("cannot connect to proxy 127.0.0.1 port 1"))
      for list in ["jobs.invalid", "a.b, .invalid", "*"] {
        let direct = try jobctl(daemon, ["ps"], elsewhere.merging(["NO_PROXY": list]) { $1 })
        #expect(direct.errorText.contains("cannot find the host jobs.invalid"), "\(direct.errorText)")
      }
      for wrong in ["https://127.0.0.1:1", "socks5://127.0.0.1:1", "http://user@127.0.0.1:1"] {
        #expect(try jobctl(daemon, ["ps", "--proxy", wrong], [:]).status == 120, "\(wrong)")
      }
    }
  }
}
