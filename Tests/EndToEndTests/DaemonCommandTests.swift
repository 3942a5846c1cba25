import Glibc
import Harness
import Testing

/// What `jobd` says on the command line, before it serves.
@Suite struct DaemonCommandTests {
  private func jobd(_ arguments: String..., environment: [String: String] = [:]) throws -> Finished {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let state = ["JOBD_STATE_DIRECTORY": "\(scratch.path)/state"].merging(environment) { $1 }
    return try Running(Programs.jobd, arguments, environment: state, directory: scratch).wait()
  }

  @Test func helpNamesEachOptionAndVersionIsOneLine() throws {
    let help = try jobd("--help")
    #expect(help.status == 0)
    for text in ["--listen", "127.0.0.1:7443", "--client-ca-file", "check-config", "HUP"] {
      #expect(help.text.contains(text), "\(text)")
    }
    let version = try jobd("--version")
    #expect(version.status == 0)
    #expect(version.text.hasPrefix("jobd ") && version.text.filter { $0 == "\n" }.count == 1)
  }

  @Test func theConfigurationIsPrintedWithWhereItIsFrom() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/jobd.json5"
    try Files.write(Array("// mine\n{ grace: '3s', workers: 2, launchers: 3, }".utf8), to: file)
    let done = try Running(
      Programs.jobd, ["check-config", "--config", file, "--workers", "4"] + Pki.shared.get().serverOptions,
      environment: ["JOBD_GRACE": "7s"], directory: scratch
    ).wait()
    #expect(done.status == 0, "\(done.errorText)")
    func line(_ name: String) -> Substring {
      done.text.split(separator: "\n").first { $0.contains("\(name):") } ?? ""
    }
    #expect(line("grace").contains("7s") && line("grace").contains("JOBD_GRACE"))
    #expect(line("workers").contains("4") && line("workers").contains("flag"))
    #expect(line("launchers").contains("3") && line("launchers").contains(file))
    #expect(line("output_limit").contains("default"))
  }

  @Test func whatCannotWorkIsSaidAtOnce() throws {
    let unknown = try jobd("--lissten", "x")
    #expect(unknown.status == 2)
    #expect(unknown.errorText.contains("--listen"), "the nearest option")
    let wrong = try jobd("--grace", "soon")
    #expect(wrong.status == 2)
    #expect(wrong.errorText.contains("--grace") && wrong.errorText.contains("soon"))
    let certificate = "\(try Pki.shared.get().directory)/server.crt"
    let missing = try jobd(
      "--listen", "127.0.0.1:0", "--certificate-file", certificate, "--key-file", "/nonexistent/key")
    #expect(missing.status == 1)
    #expect(missing.errorText.contains("/nonexistent/key"), "\(missing.errorText)")
    #expect(
      missing.errorText.contains("make it with jobd setup, or with jobctl ca"), "\(missing.errorText)")
    for line in ["--version", "version"] {
      let more = try jobd(line, "extra")
      #expect(
        more.status == 2 && more.errorText.contains("unexpected argument \"extra\""), "\(more.errorText)")
    }
  }

  @Test func eachTermSaysWhatItDoes() throws {
    try Daemon.with(["--grace", "60s"]) { daemon in
      _ = try daemon.client().shell("trap '' TERM; while :; do sleep 0.05; done")
      for line in ["event=stopping signal=SIGTERM jobs=1\n", "event=hurrying signal=SIGTERM jobs=1\n"] {
        daemon.signal(SIGTERM)
        try daemon.waitForLog(line)
      }
      try Poll.until("the daemon's end") { daemon.hasEnded }
      #expect(daemon.log.split(separator: "\n").count { $0.contains("event=stopping ") } == 1)
    }
  }

  @Test func aPortThatIsTakenIsNamed() throws {
    try Daemon.with { daemon in
      let second = try jobd(
        "--listen", "127.0.0.1:\(daemon.port)", "--certificate-file", "/nonexistent/server.crt")
      #expect(second.status == 1)
      #expect(second.errorText.contains("\(daemon.port)"), "\(second.errorText)")
      #expect(try daemon.curl("GET", "/jobs").status == 200)
    }
  }
}
