import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Standard input that jobctl forwards: one request for all of it, whatever the connection and the job do.
@Suite(.serialized) struct InputStreamTests {
  private let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }

  private func run(_ daemon: Daemon, at port: Int, _ arguments: [String]) throws -> Finished {
    var environment = daemon.jobctlEnvironment("alice")
    environment["JOBCTL_SERVER"] = "localhost:\(port)"
    return try Running(
      Programs.jobctl, arguments, environment: environment, input: bytes, directory: daemon.scratch
    ).wait()
  }

  @Test func allOfTheInputIsOneRequest() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let requests = try daemon.growth(of: #"jobd_http_requests_total{code="200"}"#) {
        let done = try run(daemon, at: daemon.port, ["run", "cat"])
        #expect(done.status == 0 && done.output == bytes, "\(done.errorText)")
      }
      // 8 MB are 122 blocks. The input and its end are two requests; those for output and status come on top.
      #expect(requests < 20)
    }
  }

  /// What was sent into a connection that was lost or stalls is sent again, and nothing twice.
  @Test(arguments: [FaultyRelay.Fault.cuts, .stalls])
  func theInputGoesOnAfterALostConnection(fault: FaultyRelay.Fault) throws {
    try Daemon.with { daemon in
      let relay = try FaultyRelay(to: daemon.port, fault, after: 1_500_000, faults: 3)
      defer { relay.stop() }
      let done = try run(daemon, at: relay.port, ["run", "--reply-timeout", "2s", "cat"])
      #expect(done.status == 0 && done.output == bytes, "\(done.output.count) bytes, \(done.errorText)")
      #expect(done.errorText == "" && relay.faultsLeft() == 0)
    }
  }

  /// The input fills every buffer on its way, and nothing is read of it for longer than a reply may take.
  @Test func aJobThatDoesNotReadIsWaitedFor() throws {
    try Daemon.with { daemon in
      let script = "sleep 5; cksum"
      let done = try run(daemon, at: daemon.port, ["run", "--reply-timeout", "2s", "sh", "-c", script])
      let expected = try Running("cksum", [], input: bytes, directory: daemon.scratch).wait()
      #expect(done.text == expected.text && done.errorText == "", "\(done.errorText)")
    }
  }

  @Test func progressIsToldAsTheJobReads() throws {
    try Daemon.with { daemon in
      var request = CreateRequest(cmd: "sh", args: ["-c", "head -c 3; sleep 1000"])
      request.stdinOpen = true
      let id = try daemon.client().create(request)
      let refused = try daemon.curl("PUT", "/jobs/\(id)/stdin?progress=1s", body: "x")
      #expect(refused.status == 400 && refused.text.contains("needs"), "\(refused.text)")
      #expect(try daemon.curl("PUT", "/jobs/\(id)/stdin?offset=0&progress=x", body: "x").status == 400)
      let raw = try daemon.rawClient()
      let target = "/jobs/\(id)/stdin?offset=0&close=0&progress=100ms"
      try raw.send("PUT \(target) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
      // The first may come before the job has the bytes.
      try Poll.until("the job to have them") { try raw.interim() == ["upload-offset": "3"] }
      #expect(try raw.interim() == ["upload-offset": "3"], "and again when nothing happens")
      try raw.send("0\r\n\r\n")
      var status = 104
      while status == 104 { status = try raw.reply().status }
      #expect(status == 200)
    }
  }

  @Test func aClientOfHTTP10GetsNoInterimReply() throws {
    try Daemon.with { daemon in
      var request = CreateRequest(cmd: "sh", args: ["-c", "sleep 1; cat"])
      request.stdinOpen = true
      let id = try daemon.client().create(request)
      let raw = try daemon.rawClient()
      let big = String(repeating: "x", count: 300_000)
      let target = "/jobs/\(id)/stdin?offset=0&progress=100ms"
      try raw.send("PUT \(target) HTTP/1.0\r\nHost: x\r\nContent-Length: \(big.count)\r\n\r\n\(big)")
      #expect(try raw.reply().status == 200)
    }
  }
}

extension RawClient {
  /// The fields of the next interim reply.
  fileprivate func interim() throws -> [String: String] {
    let reply = try reply()
    #expect(reply.status == 104)
    return reply.fields
  }
}
