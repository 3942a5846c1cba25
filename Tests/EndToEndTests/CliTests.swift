import FoundationEssentials
import Harness
import JobAPI
import Testing

/// jobctl as scripts use it.
@Suite(.serialized) struct CliTests {
  @Test func startStatusOutputDelete() throws {
    try Daemon.with { daemon in
      let id = try daemon.jobctl("start", "sh", "-c", "echo out; echo err >&2; exit 3").text.filter {
        $0 != "\n"
      }
      #expect(JobID(id) != nil)
      let status = try daemon.jobctl("status", "--wait", "30s", id)
      #expect(status.text == "completed, exit code 3\n")
      let json = try daemon.jobctl("status", "-o", "json", id)
      #expect(try JSONDecoder().decode(StatusReply.self, from: Data(json.output)).exitCode == 3)
      let output = try daemon.jobctl("output", id)
      #expect((output.text, output.errorText) == ("out\n", "err\n"))
      let short = try daemon.jobctl("status", String(id.suffix(12)))
      #expect(short.text == status.text)
      #expect(try daemon.jobctl("delete", id).status == 0)
      #expect(try daemon.jobctl("status", id).status == 123)
    }
  }

  @Test func runGivesOutputAndCodeOfTheJob() throws {
    try Daemon.with { daemon in
      let done = try daemon.jobctl("run", "--rm", "sh", "-c", "printf 'a\\0b'; printf c >&2; exit 42")
      #expect(done.status == 42)
      #expect(done.output == [0x61, 0, 0x62])
      #expect(done.errors == [0x63])
      #expect(try daemon.client().list([:]).jobs.isEmpty)
      let killed = try daemon.jobctl("run", "sh", "-c", "kill -KILL $$")
      #expect(killed.status == 137)
      let missing = try daemon.jobctl("run", "nosuchprogram")
      #expect(missing.status == 127)
      #expect(missing.errorText.contains("No such file"))
    }
  }

  @Test func runForwardsStandardInput() throws {
    try Daemon.with { daemon in
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      let done = try daemon.jobctl("run", "cat", input: bytes)
      #expect(done.status == 0, "\(done.errorText)")
      // As one truth: a failed expectation of two long arrays looks for their difference for hours.
      let isSame = done.output == bytes
      #expect(isSame, "\(done.output.count) bytes of \(bytes.count)")
    }
  }

  @Test func eachKindOfFailureHasItsExitCode() throws {
    try Daemon.with { daemon in
      #expect(try daemon.jobctl("nonsense").status == 120)
      #expect(try daemon.jobctl("status").status == 120)
      #expect(try daemon.jobctl("status", "--bogus", "x").status == 120)
      #expect(try daemon.jobctl("start", "--timeout", "0s", "true").status == 120)
      #expect(try daemon.jobctl("run", "--cwd", "rel", "true").status == 120)
      #expect(
        try daemon.jobctl("status", "--server", "127.0.0.1:1", "01a20dd9-cf1e-707e-8624-250b697e1403").status
          == 121)
      let untrusting = try daemon.jobctl("status", "--ca", "\(daemon.pki.directory)/other/ca.crt", "01a20dd9")
      #expect(untrusting.status == 122)
      let other = try daemon.jobctl("status", "--server-name", "elsewhere.org", "01a20dd9")
      #expect(other.status == 122 && other.errorText.contains("is not for elsewhere.org"))
      #expect(other.errorText.contains("jobctl ca server --host NAME"), "\(other.errorText)")
      #expect(other.errorText.contains("by a name in it with --server HOST"), "\(other.errorText)")
      let more = try daemon.jobctl("--version", "extra")
      #expect(
        more.status == 120 && more.errorText.contains("unexpected argument \"extra\""), "\(more.errorText)")
      let fileless = try daemon.jobctl("status", "--cert", "/nonexistent", "01a20dd9")
      #expect(fileless.status == 122)
      #expect(fileless.errorText.contains("/nonexistent"))
      #expect(try daemon.jobctl("status", "01a20dd9-cf1e-707e-8624-250b697e1403").status == 123)
      #expect(try daemon.jobctl("delete", "01a20dd9-cf1e-707e-8624-250b697e1403").status == 123)
    }
  }

  @Test func aProfileNeedsNothingNamed() throws {
    try Daemon.with { daemon in
      let config = ["JOBCTL_CONFIG": "\(daemon.scratch.path)/profiles.json"]
      let pki = daemon.pki.directory
      let set = try Running(
        Programs.jobctl,
        [
          "config", "set", "--server", "localhost:\(daemon.port)", "--ca", "\(pki)/ca.crt", "--cert",
          "\(pki)/bob.crt",
          "--key", "\(pki)/bob.key",
        ], environment: config, directory: daemon.scratch
      ).wait()
      #expect(set.status == 0, "\(set.errorText)")
      let run = try Running(
        Programs.jobctl, ["run", "echo", "hi"], environment: config, directory: daemon.scratch
      ).wait()
      #expect(run.text == "hi\n", "\(run.errorText)")
      #expect(try daemon.client("bob").list([:]).jobs.count == 1)
    }
  }

  @Test func aProfileThatCannotBeReadIsExplained() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    try Files.write(Array("{broken".utf8), to: "\(scratch.path)/broken.json")
    for (file, status, words) in [
      ("\(scratch.path)/broken.json", 120, "is not a file of profiles"),
      (scratch.path, 125, "cannot use \(scratch.path): Is a directory"),
    ] {
      let done = try Running(
        Programs.jobctl, ["ps"], environment: ["JOBCTL_CONFIG": file], directory: scratch
      ).wait()
      #expect(done.status == status && done.errorText.contains(words), "\(done.errorText)")
    }
    let unwritable = try Running(
      Programs.jobctl, ["config", "set", "--server", "a:1"],
      environment: ["JOBCTL_CONFIG": "/proc/nothing/config.json"], directory: scratch
    ).wait()
    #expect(unwritable.status == 125)
    #expect(unwritable.errorText.hasPrefix("jobctl: cannot use /proc/nothing"), "\(unwritable.errorText)")
    let unnamed = try Running(Programs.jobctl, ["ps", "--profile", "nope"], directory: scratch).wait()
    #expect(unnamed.status == 120 && unnamed.errorText.contains("no profile \"nope\""))
  }

  @Test func whatCannotBeInACertificateIsAUsageError() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let place = ["--dir", "\(scratch.path)/pki"]
    func ca(_ words: String...) throws -> Finished {
      try Running(Programs.jobctl, ["ca"] + words + place, directory: scratch).wait()
    }
    let long = String(repeating: "a", count: 65)
    for (done, words) in [
      (try ca("server", "--host", "bad host!"), "--host: not a host name or IP address: 'bad host!'"),
      (try ca("server", "--host", long + ".org"), "--host: not a host name"),
      (
        try ca("server", "--host", "\(long.dropLast(5)).org.example"),
        "the first --host: the name has 72 characters"
      ),
      (try ca("client", long), "NAME: the name has 65 characters, at most 64"),
      (try ca("init", "--name", long), "--name: the name has 65 characters, at most 64"),
      (try ca("client", "--days", "999999999", "a"), "--days is \"999999999\""),
    ] { #expect(done.status == 120 && done.errorText.contains(words), "\(done.errorText)") }
    for done in [try ca("server", "--host", "localhost"), try ca("client", "alice")] {
      #expect(done.status == 125)
      #expect(
        done.errorText.contains("make one with \"jobctl ca init --dir \(scratch.path)/pki\""),
        "\(done.errorText)")
    }
    #expect(try ca("init").status == 0 && ca("server", "--host", "localhost").status == 0)
  }

  @Test func aProfileIsNotSetToNothing() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/profiles.json"
    for line in [["config", "set"], ["config", "set", "--profile", "a"]] {
      let done = try Running(Programs.jobctl, line, environment: ["JOBCTL_CONFIG": file], directory: scratch)
        .wait()
      #expect(
        done.status == 120 && done.errorText.contains("name what to keep: --server"), "\(done.errorText)")
    }
    #expect(!Files.exists(file))
  }

  @Test func theCurrentProfileIsNotARemovedOne() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    func jobctl(_ line: String...) throws -> Finished {
      try Running(
        Programs.jobctl, line, environment: ["JOBCTL_CONFIG": "\(scratch.path)/profiles.json"],
        directory: scratch
      ).wait()
    }
    for line in [["set", "--profile", "a", "--server", "a:1"], ["use", "a"], ["remove", "a"]] {
      #expect(
        try Running(
          Programs.jobctl, ["config"] + line, environment: ["JOBCTL_CONFIG": "\(scratch.path)/profiles.json"],
          directory: scratch
        ).wait().status == 0)
    }
    #expect(try jobctl("config", "-o", "json").text.contains(#""current":"default""#))
    _ = try jobctl("config", "set", "--server", "b:2")
    #expect(try jobctl("config").text.contains("default (current)"))
  }

  @Test func aServersCertificateIsForTheDefaultServerOrSaysHowToNameIt() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    func ca(_ words: String...) throws -> Finished {
      try Running(
        Programs.jobctl, ["ca"] + words + ["--dir", "\(scratch.path)/pki", "--force"], directory: scratch
      ).wait()
    }
    #expect(try ca("init").status == 0)
    let standard = try ca("server")
    #expect(standard.status == 0 && !standard.text.contains("--server"), "\(standard.errorText)")
    let text = try Running(
      "openssl", ["x509", "-noout", "-ext", "subjectAltName", "-in", "\(scratch.path)/pki/server.crt"],
      directory: scratch
    ).wait().text
    #expect(text.contains("DNS:localhost, IP Address:127.0.0.1"), "\(text)")
    let named = try ca("server", "--host", "jobs.example.org")
    #expect(named.text.hasSuffix("; clients name it by --server jobs.example.org\n"), "\(named.text)")
  }

  @Test func theClientsBinaryHoldsNothingOfTheServer() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let libraries = try Running("ldd", [Programs.jobctl], directory: scratch).wait().text
    #expect(libraries.contains("libssl"))
    for library in ["libevent", "sqlite"] { #expect(!libraries.contains(library)) }
    let symbols = try Running("nm", ["-a", Programs.jobctl], directory: scratch).wait().text
    #expect(symbols.contains("jw_client_open"))
    for symbol in ["jc_", "event_base", "sqlite3_", "JobService"] {
      #expect(!symbols.contains(symbol), "\(symbol)")
    }
    // The same look at the daemon finds them: the check can fail.
    #expect(
      try Running("nm", ["-a", Programs.jobd], directory: scratch).wait().text.contains("jc_engine_new"))
  }
}
