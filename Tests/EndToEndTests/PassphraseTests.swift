import Glibc
import Harness
import Testing

/// Keys that are encrypted, and how their passphrases are asked for.
@Suite struct PassphraseTests {
  private let scratch: Scratch
  private var directory: String { "\(scratch.path)/pki" }

  init() throws { scratch = try Scratch() }

  private func ca(_ words: String...) -> [String] { ["ca"] + words + ["--dir", directory] }

  private func line(_ text: String, in name: String) throws -> String {
    try Files.write(Array("\(text)\nanother line\n".utf8), to: "\(scratch.path)/\(name)")
    return "\(scratch.path)/\(name)"
  }

  /// Where there is no terminal, also when the tests are run on one.
  private func alone(_ words: [String], environment: [String: String] = [:]) throws -> Finished {
    try Running(
      "setsid", ["--wait", Programs.jobctl] + words, environment: environment, directory: scratch
    ).wait()
  }

  private func openssl(_ words: String...) throws -> Finished {
    try Running("openssl", words, directory: scratch).wait()
  }

  @Test func theTerminalIsAskedAndShowsNothing() throws {
    defer { scratch.remove() }
    let makes = try TerminalSession(Programs.jobctl, ca("init", "--encrypt"))
    try makes.expect("New passphrase of \(directory)/ca.key: ")
    #expect(!makes.echoes)
    makes.type("correct horse\n")
    try makes.expect("The same again: ")
    makes.type("correct horse\n")
    #expect(try makes.wait() == 0, "\(makes.text)")
    #expect(makes.echoes && !makes.text.contains("horse"))
    let key = "\(directory)/ca.key"
    #expect(Files.text(key).hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
    #expect(try openssl("pkey", "-in", key, "-noout", "-passin", "pass:correct horse").status == 0)
    #expect(try openssl("asn1parse", "-in", key).text.contains("scrypt"))

    let issues = try TerminalSession(Programs.jobctl, ca("client", "alice"))
    try issues.expect("Passphrase of \(key): ")
    issues.type("correct horse\n")
    #expect(try issues.wait() == 0 && issues.text.contains("wrote \(directory)/alice.crt"), "\(issues.text)")

    let wrong = try TerminalSession(Programs.jobctl, ca("client", "bob"))
    try wrong.expect("Passphrase of")
    wrong.type("wrong\n")
    #expect(try wrong.wait() == 125 && wrong.text.contains("with this passphrase, \(key)"), "\(wrong.text)")
    #expect(!Files.exists("\(directory)/bob.crt"))
  }

  @Test func theTerminalIsAskedForABrowsersPasswordToo() throws {
    defer { scratch.remove() }
    #expect(try alone(ca("init")).status == 0)
    let bundle = "\(scratch.path)/alice.p12"
    let session = try TerminalSession(Programs.jobctl, ca("client", "alice", "--pkcs12", bundle))
    for question in ["New passphrase of \(bundle): ", "The same again: "] {
      try session.expect(question)
      session.type("hunter2\n")
    }
    #expect(try session.wait() == 0, "\(session.text)")
    #expect(try openssl("pkcs12", "-in", bundle, "-passin", "pass:hunter2", "-noout").status == 0)
    let refused = try alone(ca("client", "bob", "--pkcs12", "\(scratch.path)/bob.p12"))
    #expect(
      refused.status == 125 && refused.errorText.contains("--pkcs12-password-file"), "\(refused.errorText)")
    #expect(!Files.exists("\(directory)/bob.key"))
  }

  @Test func twoThatDifferMakeNoKey() throws {
    defer { scratch.remove() }
    let session = try TerminalSession(Programs.jobctl, ca("init", "--encrypt"))
    try session.expect("New passphrase of")
    session.type("one\n")
    try session.expect("The same again: ")
    session.type("other\n")
    #expect(try session.wait() == 125 && session.text.contains("the two were not the same"))
    let empty = try TerminalSession(Programs.jobctl, ca("init", "--encrypt"))
    try empty.expect("New passphrase of")
    empty.type("\n")
    #expect(try empty.wait() == 125 && empty.text.contains("1 to 1023 bytes"), "\(empty.text)")
    #expect(!Files.exists("\(directory)/ca.key"))
  }

  @Test(arguments: [("\u{3}", SIGINT), ("\u{1c}", SIGQUIT)])
  func aTerminalThatIsInterruptedEchoesAgain(key: String, signal: Int32) throws {
    defer { scratch.remove() }
    let session = try TerminalSession(Programs.jobctl, ca("init", "--encrypt"))
    try session.expect("New passphrase of")
    #expect(!session.echoes)
    session.type("half\(key)")
    #expect(try session.wait() == 128 + signal)
    #expect(session.echoes && !session.text.contains("half"))
  }

  @Test func whoStopsItIsAskedAgain() throws {
    defer { scratch.remove() }
    // A shell with job control: nothing stops what has no shell to go on by.
    let command = Programs.jobctl + " " + ca("init", "--encrypt").joined(separator: " ")
    let session = try TerminalSession(
      "bash",
      ["--norc", "-c", "set -m; \(command); echo stopped=$?; stty | grep -c -- ' -echo '; fg; echo ended=$?"])
    try session.expect("New passphrase of")
    session.type("half\u{1a}")
    try session.expect("stopped=\(128 + SIGTSTP)\r\n0\r\n")
    try session.expect("New passphrase of", times: 2)
    session.type("whole\n")
    try session.expect("The same again: ")
    session.type("whole\n")
    try session.expect("ended=0")
    #expect(try session.wait() == 0)
    #expect(try openssl("pkey", "-in", "\(directory)/ca.key", "-noout", "-passin", "pass:whole").status == 0)
  }

  @Test func aFileHasItWhereThereIsNoTerminal() throws {
    defer { scratch.remove() }
    let (right, wrong) = (try line("correct horse", in: "right"), try line("wrong", in: "wrong"))
    let asked = try alone(ca("init", "--encrypt"))
    #expect(asked.status == 125 && asked.errorText.contains("there is no terminal"), "\(asked.errorText)")
    #expect(asked.errorText.contains("--passphrase-file"))
    #expect(try alone(ca("init", "--encrypt", "--passphrase-file", right)).status == 0)
    let unnamed = try alone(ca("server"))
    #expect(unnamed.status == 125 && unnamed.errorText.contains("--passphrase-file"), "\(unnamed.errorText)")
    let refused = try alone(ca("server", "--passphrase-file", wrong))
    #expect(refused.status == 125 && refused.errorText.contains("with this passphrase"))
    #expect(try alone(ca("server", "--passphrase-file", right)).status == 0)
    #expect(try alone(ca("renew", "server", "--passphrase-file", right)).status == 0)
    #expect(try alone(ca("revoke", "localhost", "--passphrase-file", right)).status == 0)
    for (bytes, words) in [([], "is none"), ([0x61, 0, 0x0a], "no NUL")] as [([UInt8], String)] {
      try Files.write(bytes, to: wrong)
      let done = try alone(ca("client", "a", "--passphrase-file", wrong))
      #expect(done.status == 125 && done.errorText.contains(words), "\(done.errorText)")
    }
    let needless = try alone(ca("init", "--passphrase-file", right))
    #expect(needless.status == 120 && needless.errorText.contains("goes with --encrypt"))
  }

  @Test func aClientsKeyIsAskedForOnceAndLeavesNoSession() throws {
    defer { scratch.remove() }
    try Daemon.with { daemon in
      let key = "\(scratch.path)/alice.key"
      let made = try openssl(
        "pkey", "-in", "\(daemon.pki.directory)/alice.key", "-aes256", "-passout", "pass:mine", "-out", key)
      #expect(made.status == 0, "\(made.errorText)")
      let runtime = scratch.fresh("runtime")
      mkdir(runtime, 0o700)
      var environment = daemon.jobctlEnvironment("alice")
      (environment["JOBCTL_KEY"], environment["XDG_RUNTIME_DIR"]) = (key, runtime)
      // Two connections, and a list before them.
      for label in ["a", "b"] {
        #expect(try daemon.jobctl("start", "--label", "l=\(label)", "sleep", "1000").status == 0)
      }
      let stops = try TerminalSession(
        Programs.jobctl, ["stop", "--filter", "state=running"], environment: environment)
      try stops.expect("Passphrase of \(key): ")
      stops.type("mine\n")
      #expect(try stops.wait() == 0, "\(stops.text)")
      #expect(try daemon.jobctl("ps", "--quiet").text.isEmpty)
      #expect(Files.list("\(runtime)/jobctl").isEmpty)

      let refused = try alone(["ps"], environment: environment)
      #expect(
        refused.status == 122 && refused.errorText.contains("there is no terminal"), "\(refused.errorText)")
      environment["JOBCTL_PROMPT"] = "off"
      let quiet = try TerminalSession(Programs.jobctl, ["ps"], environment: environment)
      #expect(try quiet.wait() == 122 && quiet.text.contains("is encrypted"), "\(quiet.text)")
      let settings = try alone(["config"], environment: environment)
      #expect(settings.status == 0 && settings.text.contains(key))
    }
  }

  /// Nobody could tell it.
  @Test func theDaemonTakesNoEncryptedKey() throws {
    defer { scratch.remove() }
    let pki = try Pki.shared.get()
    let key = "\(scratch.path)/server.key"
    _ = try openssl(
      "pkey", "-in", "\(pki.directory)/server.key", "-aes256", "-passout", "pass:x", "-out", key)
    let daemon = try TerminalSession(
      Programs.jobd,
      [
        "--listen", "127.0.0.1:0", "--state-directory", "\(scratch.path)/state", "--certificate-file",
        "\(pki.directory)/server.crt", "--key-file", key, "--client-ca-file", "\(pki.directory)/ca.crt",
      ])
    #expect(try daemon.wait() != 0)
    #expect(daemon.text.contains("it is encrypted, and there is no password"), "\(daemon.text)")
  }
}
