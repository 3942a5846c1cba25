import Glibc
import Harness
import Testing

/// `jobd setup`, typed by a user for a daemon of their own.
@Suite(.serialized) struct SetupTests {
  private static let made = [
    "ca.crt", "ca.key", "client.crt", "client.key", "issued", "server.crt", "server.key",
  ]

  private func hosts(_ host: SetupHost) throws -> String {
    try Running(
      "openssl", ["x509", "-noout", "-ext", "subjectAltName", "-in", "\(host.settings)/pki/server.crt"],
      directory: host.scratch
    ).wait().text
  }

  @Test func oneCommandIsAllUntilAFirstJob() throws {
    try SetupHost.with { host in
      let done = try host.setup("--host", "jobs.example.org", "--listen", host.listen)
      #expect(done.status == 0, "\(done.errorText)")
      #expect(host.files == Self.made)
      #expect(
        done.text.contains("runs  jobd at \(host.listen)") && done.text.contains("jobctl run echo hello"))
      #expect(host.called.last == "--user enable --now jobd.service")
      #expect(try host.hello() == "hello\n")
      let names = try hosts(host)
      for name in [
        "DNS:jobs.example.org", "DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1",
      ] {
        #expect(names.contains(name), "\(names)")
      }
      var info = stat()
      #expect(stat("\(host.settings)/pki/client.key", &info) == 0 && info.st_mode & 0o777 == 0o600)
      let template = Files.text("\(Files.repository)/contrib/jobd.json5")
      #expect(
        Files.text(host.file) == template.replacing("\n{\n", with: "\n{\n  listen: \"\(host.listen)\",\n")
      )
    }
  }

  @Test func whatIsThereIsKept() throws {
    try SetupHost.with { host in
      #expect(try host.setup("--listen", host.listen, "--host", "old.example.org").status == 0)
      let files = Self.made.map { "\(host.settings)/pki/\($0)" } + [host.file, "\(host.home)/pid"]
      let before = files.map(Files.read)
      let again = try host.setup("--listen", host.listen)
      #expect(again.status == 0 && !again.text.contains("made"), "\(again.text)\(again.errorText)")
      #expect(files.map(Files.read) == before)
      for name in ["client.crt", "client.key"] { unlink("\(host.settings)/pki/\(name)") }
      let third = try host.setup("--host", "more.example.org")
      #expect(third.status == 0)
      #expect(third.text.split(separator: "\n").filter { $0.hasPrefix("made") }.count == 2, "\(third.text)")
      let names = try hosts(host)
      #expect(names.contains("DNS:old.example.org") && names.contains("DNS:more.example.org"), "\(names)")
      #expect(!third.text.contains("note"), "\(third.text)")
      #expect(try host.hello() == "hello\n")
    }
  }

  /// The address that it listens at, whoever set that, and after a run that ended before the daemon took it.
  @Test func theCertificateIsForTheAddress() throws {
    try SetupHost.with { host in
      #expect(try host.run("mkdir", ["-p", host.settings]).status == 0)
      for address in ["127.0.0.2", "127.0.0.3"] {
        try Files.write(Array("{ listen: '\(address):\(host.port)' }".utf8), to: host.file, mode: 0o644)
        let done = try host.setup()
        #expect(done.status == 0 && !done.text.contains("note"), "\(done.text)\(done.errorText)")
        #expect(done.text.contains("runs  jobd at \(address):\(host.port)"), "\(done.text)")
        #expect(try hosts(host).contains("IP Address:\(address)"))
        let server = ["--server", "\(address):\(host.port)"]
        #expect(try host.run(Programs.jobctl, ["run"] + server + ["echo", "hello"]).text == "hello\n")
      }
    }
  }

  @Test func halfOfACertificateIsToldOf() throws {
    try SetupHost.with { host in
      #expect(try host.setup("--listen", host.listen).status == 0)
      unlink("\(host.settings)/pki/server.key")
      let half = try host.setup()
      #expect(
        half.status == 1 && half.errorText.contains("has server.crt, and not the other one"),
        "\(half.text)\(half.errorText)")
    }
  }

  /// As who typed `sudo jobd setup` has them.
  @Test func theCertificatesOfAClientAreNoAuthority() throws {
    try SetupHost.with { host in
      #expect(try host.setup("--listen", host.listen).status == 0)
      for name in ["ca.key", "server.crt", "server.key"] { unlink("\(host.settings)/pki/\(name)") }
      let done = try host.setup()
      #expect(done.status == 1 && done.errorText.contains("has ca.crt without ca.key"), "\(done.errorText)")
      #expect(done.errorText.contains("move it away"))
    }
  }

  @Test func aFirstJobThatWouldNotComeIsToldOf() throws {
    try SetupHost.with { host in
      #expect(try host.setup("--listen", host.listen).status == 0)
      #expect(try host.run(Programs.jobctl, ["ca", "init", "--force"]).status == 0)
      let done = try host.setup()
      #expect(
        done.text.contains("note  jobctl does not get to the daemon: "), "\(done.text)\(done.errorText)")
    }
  }

  @Test func certificatesFromElsewhereAreUsed() throws {
    try SetupHost.with { host in
      let pki = try Pki.shared.get().directory
      mkdir("\(host.home)/.config", 0o755)
      mkdir(host.settings, 0o755)
      let text = ["certificate_file: 'server.crt'", "key_file: 'server.key'", "client_ca_file: 'ca.crt'"]
        .map { $0.replacing(": '", with: ": '\(host.home)/") }.joined(separator: ", ")
      try Files.write(Array("{ \(text), listen: '\(host.listen)' }".utf8), to: host.file, mode: 0o644)
      let done = try host.setup()
      #expect(done.status == 0, "\(done.errorText)")
      #expect(host.files.isEmpty && done.text.contains("no certificates are made"), "\(done.text)")
      #expect(!done.text.contains("jobctl ca client"))
      let words = ["ps", "--server", host.listen, "--ca", "\(pki)/ca.crt", "--cert", "\(pki)/alice.crt"]
      #expect(
        try Running(Programs.jobctl, words + ["--key", "\(pki)/alice.key"], directory: host.scratch).wait()
          .status == 0)
    }
  }

  @Test func withoutSystemdItSaysHowToStart() throws {
    try SetupHost.with(systemctl: "#!/bin/sh\necho 'System has not been booted' >&2; exit 1") { host in
      for path in [nil, "/usr/bin/nothing"] {
        let done = try host.setup("--listen", host.listen, path: path)
        #expect(done.status == 0 && done.text.contains("next:\n  jobd  "), "\(done.text)\(done.errorText)")
        #expect(host.files == Self.made)
      }
    }
  }

  @Test func whatCannotBeIsSaidBeforeAnythingIsMade() throws {
    try SetupHost.with { host in
      for (words, text) in [
        (["--listen", "here"], "--listen is \"here\", but must be HOST:PORT"),
        (["--host", "a b"], "--host: not a host"),
        (["--lissten", "x"], "has no option --lissten"), (["--host"], "--host needs a value"),
        (["now"], "unexpected argument \"now\""),
      ] {
        let done = try host.run(Programs.jobd, ["setup"] + words)
        #expect(done.status == 2 && done.errorText.contains(text), "\(done.errorText)")
      }
      try Daemon.with { other in
        let taken = try host.setup("--listen", "127.0.0.1:\(other.port)")
        #expect(
          taken.status == 1 && taken.errorText.contains("another address: jobd setup --listen"),
          "\(taken.errorText)")
      }
      #expect(!Files.exists("\(host.home)/.config"))
      let program = "\(host.home)/bin/jobd"
      try Programs.install(Programs.jobd, at: program, host.scratch)
      let alone = try host.run(program, ["setup", "--listen", host.listen])
      #expect(
        alone.status == 1
          && alone.errorText.contains("jobctl, which makes the certificates, is not installed"))
      #expect(!Files.exists("\(host.home)/.config") && !host.called.contains { $0.contains("enable") })
    }
  }

  @Test func aFileThatSaysOtherwiseIsNotChanged() throws {
    try SetupHost.with { host in
      mkdir("\(host.home)/.config", 0o755)
      mkdir(host.settings, 0o755)
      for (text, words) in [
        ("{ listen: '127.0.0.1:1' }", "make that \"\(host.listen)\""), ("{ listen", "is not JSON5"),
      ] {
        try Files.write(Array(text.utf8), to: host.file, mode: 0o644)
        let done = try host.setup("--listen", host.listen)
        #expect(done.status == 2 && done.errorText.contains(words), "\(done.errorText)")
        #expect(Files.text(host.file) == text && Files.list(host.settings) == ["jobd.json5"])
      }
    }
  }

  @Test func theNextRunGoesOnAfterAFailure() throws {
    let broken = SetupHost.systemctl.replacing(
      "*enable*) ", with: "*enable*) [ -e mended ] || { echo 'it is masked' >&2; exit 1; }; ")
    try SetupHost.with(systemctl: broken) { host in
      let failed = try host.setup("--listen", host.listen)
      #expect(failed.status == 1 && failed.errorText.contains("systemctl --user enable --now jobd failed"))
      #expect(
        failed.errorText.contains("it is masked") && failed.errorText.contains("journalctl --user -u jobd"))
      let authority = Files.read("\(host.settings)/pki/ca.crt")
      try Files.write([], to: "\(host.home)/mended")
      #expect(try host.setup("--listen", host.listen).status == 0)
      #expect(try host.hello() == "hello\n" && Files.read("\(host.settings)/pki/ca.crt") == authority)
    }
  }

  @Test func whereJobctlGoesAlreadyIsNotChanged() throws {
    try SetupHost.with { host in
      let set = try host.run(Programs.jobctl, ["config", "set", "--server", "jobs.example.org:7443"])
      #expect(set.status == 0)
      let done = try host.setup("--listen", host.listen)
      #expect(
        done.text.contains(
          "kept  jobctl's server jobs.example.org:7443 (profile default); for this daemon: jobctl config"),
        "\(done.text)")
      #expect(try host.run(Programs.jobctl, ["config"]).text.contains("jobs.example.org:7443"))
    }
  }
}
