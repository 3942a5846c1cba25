import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Who gets in.
@Suite(.serialized) struct TlsTests {
  private func arguments(_ daemon: Daemon, _ certificate: String, _ key: String) -> [String] {
    ["--cacert", "\(daemon.pki.directory)/ca.crt", "--cert", certificate, "--key", key]
  }

  /// What is refused costs one line of the log and leaves no connection.
  private func expectRefused(_ daemon: Daemon, _ arguments: [String]) throws {
    let lines = daemon.log.split(separator: "\n").filter { $0.contains("event=peer_failed") }.count
    let done = try daemon.curlFails(arguments)
    #expect(done.status != 0)
    #expect(done.output.isEmpty)
    try Poll.until("a line about the peer") {
      daemon.log.split(separator: "\n").filter { $0.contains("event=peer_failed") }.count == lines + 1
    }
    #expect(try daemon.curl("GET", "/jobs").status == 200)
  }

  @Test func noCertificateIsRefused() throws {
    try Daemon.with { try expectRefused($0, ["--cacert", "\($0.pki.directory)/ca.crt"]) }
  }

  @Test func anotherAuthoritysClientIsRefused() throws {
    try Daemon.with { daemon in
      let other = "\(daemon.pki.directory)/other"
      try expectRefused(daemon, arguments(daemon, "\(other)/alice.crt", "\(other)/alice.key"))
      let done = try Running(
        Programs.jobctl, ["ps"],
        environment: daemon.jobctlEnvironment("alice").merging([
          "JOBCTL_CERT": "\(other)/alice.crt", "JOBCTL_KEY": "\(other)/alice.key",
        ]) { $1 }, directory: daemon.scratch
      ).wait()
      #expect(done.status == 122, "\(done.errorText)")
    }
  }

  @Test func theServersCertificateIsNoClients() throws {
    try Daemon.with { daemon in
      try expectRefused(
        daemon, arguments(daemon, "\(daemon.pki.directory)/server.crt", "\(daemon.pki.directory)/server.key"))
    }
  }

  @Test func anExpiredCertificateIsRefused() throws {
    try Daemon.with { daemon in
      let files = try daemon.expiredClient()
      try expectRefused(daemon, arguments(daemon, files.certificate, files.key))
      let done = try daemon.jobctl("ps", "--cert", files.certificate, "--key", files.key)
      #expect(done.status == 122 && done.errorText.contains("expired"), "\(done.errorText)")
    }
  }

  @Test func peersThatFailCostALineAtMostAndNoMemory() throws {
    try Daemon.with { daemon in
      let other = "\(daemon.pki.directory)/other/alice"
      let settings = ConnectionSettings(
        host: "localhost", port: UInt16(daemon.port), authorityFile: "\(daemon.pki.directory)/ca.crt",
        certificateFile: "\(other).crt", keyFile: "\(other).key")
      func knock(_ count: Int) {
        for _ in 0..<count { #expect(throws: ClientError.self) { try JobClient(settings).list([:]) } }
      }
      knock(300)
      let before = (Processes.resident(daemon.apiPid), Processes.descriptors(daemon.apiPid))
      knock(1500)
      let growth = Processes.resident(daemon.apiPid) - before.0
      #expect(growth < 2048, "KiB grown by 1,500 peers")
      let lines = daemon.log.split(separator: "\n").filter { $0.contains("event=peer_failed") }.count
      #expect((1...1800).contains(lines), "more are counted in the line that follows")
      try Poll.until("closed connections") { Processes.descriptors(daemon.apiPid) <= before.1 }
    }
  }

  @Test func tls12IsRefused() throws {
    try Daemon.with { daemon in
      let alice = "\(daemon.pki.directory)/alice"
      try expectRefused(daemon, arguments(daemon, "\(alice).crt", "\(alice).key") + ["--tls-max", "1.2"])
    }
  }

  @Test func allThreeSuitesAreSpokenAndAResumedSessionKeepsItsClient() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("echo mine")
      for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let session = daemon.scratch.fresh("session")
        let first = try sClient(daemon, ["-ciphersuites", suite, "-sess_out", session], id: "\(id)")
        #expect(first.contains("Cipher is \(suite)"))
        #expect(first.contains("HTTP/1.1 200"))
        let second = try sClient(daemon, ["-ciphersuites", suite, "-sess_in", session], id: "\(id)")
        #expect(second.contains("Reused, TLSv1.3"))
        #expect(second.contains("HTTP/1.1 200"), "the resumed session is alice's")
      }
    }
  }

  @Test func jobctlKeepsASessionForTheNextCommandUnlessToldNotTo() throws {
    try Daemon.with { daemon in
      let runtime = "\(daemon.scratch.path)/runtime"
      #expect(mkdir(runtime, 0o700) == 0)
      func status(_ options: [String]) throws -> Int32 {
        var environment = daemon.jobctlEnvironment("alice")
        environment["XDG_RUNTIME_DIR"] = runtime
        return try Running(
          Programs.jobctl, ["ps"] + options, environment: environment, directory: daemon.scratch
        ).wait().status
      }
      #expect(try status(["--sessions", "off"]) == 0)
      #expect(Files.list(runtime) == [])
      #expect(try status([]) == 0 && status([]) == 0)
      let files = Files.list("\(runtime)/jobctl")
      #expect(files.count == 1)
      let kept = Files.read("\(runtime)/jobctl/\(files[0])")
      // The daemon that serves from now on does not know it.
      try daemon.killSupervisor()
      #expect(try status([]) == 0)
      #expect(Files.read("\(runtime)/jobctl/\(files[0])") != kept)
    }
  }

  private func sClient(_ daemon: Daemon, _ more: [String], id: String) throws -> String {
    let request = "GET /jobs/\(id)/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    let alice = "\(daemon.pki.directory)/alice"
    let done = try Running(
      "openssl",
      [
        "s_client", "-connect", "localhost:\(daemon.port)", "-CAfile", "\(daemon.pki.directory)/ca.crt",
        "-cert",
        "\(alice).crt", "-key", "\(alice).key", "-ign_eof",
      ] + more, input: Array(request.utf8),
      directory: daemon.scratch
    ).wait()
    return done.text
  }

  @Test func certificatesVerifyAndKeysAreKept() throws {
    let pki = try Pki.shared.get()
    let scratch = try Scratch()
    defer { scratch.remove() }
    func verify(_ purpose: String, _ name: String) throws -> Int32 {
      try Running(
        "openssl",
        [
          "verify", "-x509_strict", "-CAfile", "\(pki.directory)/ca.crt", "-purpose", purpose,
          "\(pki.directory)/\(name).crt",
        ],
        directory: scratch
      ).wait().status
    }
    #expect(try verify("sslclient", "alice") == 0)
    #expect(try verify("sslserver", "server") == 0)
    #expect(try verify("sslserver", "alice") != 0)
    #expect(try verify("sslclient", "server") != 0)
    var status = stat()
    stat("\(pki.directory)/alice.key", &status)
    #expect(status.st_mode & 0o777 == 0o600)
    let before = Files.read("\(pki.directory)/alice.key")
    let again = try Running(
      Programs.jobctl, ["ca", "client", "--dir", pki.directory, "alice"], directory: scratch
    ).wait()
    #expect(again.status != 0)
    #expect(again.errorText.contains("--force"))
    #expect(Files.read("\(pki.directory)/alice.key") == before)
  }
}

extension Daemon {
  /// A client's certificate that was valid once, made by the openssl command.
  fileprivate func expiredClient() throws -> (certificate: String, key: String) {
    let (key, request, certificate) = (scratch.fresh("key"), scratch.fresh("csr"), scratch.fresh("crt"))
    let extensions = scratch.fresh("ext")
    try Files.write(Array("extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n".utf8), to: extensions)
    let steps = [
      [
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
        "-out", request,
        "-subj", "/CN=alice",
      ],
      [
        "x509", "-req", "-in", request, "-CA", "\(pki.directory)/ca.crt", "-CAkey", "\(pki.directory)/ca.key",
        "-CAcreateserial", "-CAserial", scratch.fresh("serial"), "-days", "-1", "-extfile", extensions,
        "-out", certificate,
      ],
    ]
    for step in steps {
      let done = try Running("openssl", step, directory: scratch).wait()
      try #require(done.status == 0, "\(done.errorText)")
    }
    return (certificate, key)
  }
}
