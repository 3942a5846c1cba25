import FoundationEssentials
import Glibc
import Harness
import JobClient
import Testing

/// What becomes of certificates after they were issued: `jobctl ca list`, `renew`, `revoke` and `sign`.
@Suite struct CertificateCommandTests {
  private struct Entry: Decodable {
    let name, state, kind, serial, begins, ends: String
    let revoked: String?
    let files: [String]
  }

  private let scratch: Scratch
  private var directory: String { "\(scratch.path)/pki" }

  init() throws {
    scratch = try Scratch()
    try done("init")
  }

  private func ca(_ words: [String]) throws -> Finished {
    try Running(Programs.jobctl, ["ca"] + words + ["--dir", directory], directory: scratch).wait()
  }

  @discardableResult private func done(_ words: String...) throws -> String {
    let finished = try ca(words)
    try #require(finished.status == 0, "\(words): \(finished.errorText)")
    return finished.text
  }

  private func refusal(_ words: String...) throws -> String {
    let finished = try ca(words)
    #expect(finished.status == 125 || finished.status == 120, "\(words) was done")
    return finished.errorText
  }

  private func list() throws -> [Entry] {
    try done("list", "-o", "json").split(separator: "\n").map {
      try JSONDecoder().decode(Entry.self, from: Data($0.utf8))
    }
  }

  private func openssl(_ words: String...) throws -> Finished {
    try Running("openssl", words, directory: scratch).wait()
  }

  private func fact(_ option: String, _ name: String) throws -> String {
    try openssl("x509", "-noout", option, "-in", "\(directory)/\(name)").text
  }

  private func isVerified(_ file: String) throws -> Bool {
    try openssl(
      "verify", "-x509_strict", "-crl_check", "-CAfile", "\(directory)/ca.crt", "-CRLfile",
      "\(directory)/ca.crl",
      "\(directory)/\(file)"
    ).status == 0
  }

  private func listNumber() throws -> Int? {
    let text = try openssl("crl", "-noout", "-crlnumber", "-in", "\(directory)/ca.crl").text
    return Int(text.dropFirst("crlNumber=".count).dropLast().replacing("0x", with: ""), radix: 16)
  }

  private func mode(_ name: String) -> mode_t {
    var status = stat()
    return stat("\(directory)/\(name)", &status) == 0 ? status.st_mode & 0o777 : 0
  }

  /// A request, and its key beside it.
  private func request(_ name: String, _ kind: String...) throws -> String {
    let made = try Running(
      "openssl",
      [
        "req", "-new", "-nodes", "-subj", "/CN=root", "-addext", "subjectAltName=DNS:evil.example", "-addext",
        "extendedKeyUsage=serverAuth", "-keyout", "\(scratch.path)/\(name).key", "-out",
        "\(scratch.path)/\(name).csr",
        "-newkey",
      ] + kind, directory: scratch
    ).wait()
    try #require(made.status == 0, "\(made.errorText)")
    return "\(scratch.path)/\(name).csr"
  }

  @Test func allThatWasIssuedIsListed() throws {
    defer { scratch.remove() }
    #expect(try list().isEmpty)
    try done("server")
    try done("client", "alice")
    try done("client", "--days", "7", "bob")
    // It was sent away; and one that the authority did not sign is none of its own.
    rename("\(directory)/alice.crt", "\(scratch.path)/alice.crt")
    try Files.write(Files.read("\(try Pki.shared.get().directory)/bob.crt"), to: "\(directory)/other.crt")
    try Files.write(Array("nothing".utf8), to: "\(directory)/broken.crt")
    try Files.write(Files.read("\(directory)/bob.crt"), to: "\(directory)/copy.crt")
    let all = try list()
    #expect(all.map(\.name) == ["alice", "bob", "localhost"])
    #expect(all.map(\.kind) == ["client", "client", "server"])
    #expect(all.map(\.state) == ["valid", "expires soon", "valid"])
    #expect(
      all.map(\.files) == [
        [], ["\(directory)/bob.crt", "\(directory)/copy.crt"], ["\(directory)/server.crt"],
      ])
    for (entry, file) in zip(all, ["../alice.crt", "bob.crt", "server.crt"]) {
      #expect(try fact("-serial", file) == "serial=\(entry.serial)\n")
      #expect(mode("issued/\(entry.serial).crt") == 0o644)
    }
    #expect(mode("issued") == 0o755)
    let lines = try done("list").split(separator: "\n")
    #expect(
      lines.count == 4
        && lines[0].split(separator: " ") == ["NAME", "STATE", "KIND", "UNTIL", "SERIAL", "FILES"])
    #expect(lines[1].hasSuffix("  -") && lines[2].contains("expires soon  client"), "\(lines)")
    #expect(lines[2].hasSuffix("bob.crt,copy.crt"))
  }

  @Test func aFailedIssueLeavesNoRecord() throws {
    defer { scratch.remove() }
    try done("client", "alice")
    #expect(try refusal("client", "alice").contains("--force"))
    #expect(Files.list("\(directory)/issued").count == 1)
    try done("client", "--force", "alice")
    #expect(try list().map(\.files.count).sorted() == [0, 1])
  }

  @Test func aRenewedCertificateIsForTheSameKey() throws {
    defer { scratch.remove() }
    try done("server", "--host", "localhost", "--host", "192.0.2.7", "--days", "7")
    try done("client", "--default", "alice", "--days", "7")
    for (name, file) in [("server", "server.crt"), ("alice", "client.crt"), ("client", "client.crt")] {
      func facts() throws -> [String] {
        try ["-pubkey", "-subject", "-ext=subjectAltName,extendedKeyUsage,basicConstraints"].map { option in
          let words = option.split(separator: "=").map(String.init)
          return try Running(
            "openssl", ["x509", "-noout", "-in", "\(directory)/\(file)"] + words, directory: scratch
          ).wait().text
        }
      }
      let (before, serial) = (try facts(), try fact("-serial", file))
      let said = try done("renew", name, "--days", "100")
      #expect(said.contains("wrote \(directory)/\(file)\n") && said.contains("stays valid until"), "\(said)")
      #expect(said.contains("--reason superseded \(serial.dropFirst("serial=".count).dropLast())"), "\(said)")
      #expect(try facts() == before && fact("-serial", file) != serial)
      #expect(
        try openssl("x509", "-noout", "-checkend", "\(99 * 86_400)", "-in", "\(directory)/\(file)").status
          == 0)
      #expect(mode(file) == 0o644)
    }
    #expect(try list().map(\.state).filter { $0 == "expires soon" }.count == 2)
    #expect(
      Files.list(directory).filter { $0.hasSuffix(".key") }.sorted() == [
        "ca.key", "client.key", "server.key",
      ])
  }

  @Test func whatCannotBeRenewedIsExplained() throws {
    defer { scratch.remove() }
    try done("client", "alice")
    try done("client", "--default", "alice")
    let several = try refusal("renew", "alice", "--dir", directory)
    #expect(several.contains("--dir is given twice"))
    #expect(try refusal("renew", "nobody").contains("no certificate of nobody is known in \(directory)"))
    // By the name of a file it is clear; without one, two keys are not.
    try done("renew", "alice")
    unlink("\(directory)/alice.crt")
    unlink("\(directory)/client.crt")
    let unclear = try refusal("renew", "alice")
    #expect(
      unclear.contains("has several certificates") && unclear.contains("name one by its serial"), "\(unclear)"
    )
    let serial = try #require(try list().first).serial
    try done("renew", serial)
    #expect(Files.exists("\(directory)/alice.crt"))
    try done("revoke", "alice")
    #expect(try refusal("renew", "alice").contains("was revoked: issue a new one"))
  }

  @Test func aNameIsRevokedWithAllItsCertificates() throws {
    defer { scratch.remove() }
    try done("client", "alice")
    try done("client", "bob")
    try done("renew", "alice")
    let said = try done("revoke", "alice", "--reason", "key-compromise")
    #expect(said.split(separator: "\n").filter { $0.hasPrefix("revoked ") }.count == 2, "\(said)")
    #expect(said.contains("wrote \(directory)/ca.crl\n") && said.contains("cuts off"))
    #expect(mode("ca.crl") == 0o644)
    #expect(try !isVerified("alice.crt") && isVerified("bob.crt"))
    let shown = try openssl(
      "crl", "-noout", "-text", "-in", "\(directory)/ca.crl", "-CAfile", "\(directory)/ca.crt")
    #expect(shown.status == 0 && shown.text.contains("Key Compromise"))
    func ends(_ kind: String, _ option: String, _ file: String) throws -> Substring? {
      try openssl(kind, "-noout", option, "-in", "\(directory)/\(file)").text.split(separator: "=").last
    }
    #expect(try ends("crl", "-nextupdate", "ca.crl") == ends("x509", "-enddate", "ca.crt"))
    #expect(try listNumber() == 1)
    let states = try list().map { [$0.name, $0.state] }
    #expect(states == [["alice", "revoked"], ["alice", "revoked"], ["bob", "valid"]])
    #expect(try list().allSatisfy { ($0.revoked != nil) == ($0.name == "alice") })

    let again = try done("revoke", "alice")
    #expect(again.hasPrefix("nothing to revoke: ") && again.contains("was revoked before"), "\(again)")
    #expect(try listNumber() == 1)
  }

  @Test func aSerialIsRevokedAlsoIfItIsNotKnown() throws {
    defer { scratch.remove() }
    try done("client", "alice")
    try done("renew", "alice")
    let serial = String(try fact("-serial", "alice.crt").dropFirst("serial=".count).dropLast())
    let pairs = stride(from: 0, to: serial.count, by: 2).map { serial.dropFirst($0).prefix(2).lowercased() }
    #expect(
      try done("revoke", pairs.joined(separator: ":")).contains("revoked \(serial) of alice, a client's"))
    #expect(try list().map(\.state).sorted() == ["revoked", "valid"])
    // A name that was misspelled is not taken for a serial.
    let name = try refusal("revoke", "ada")
    #expect(name.contains("no certificate of ada is known") && name.contains("written 0x0ADA"), "\(name)")
    #expect(try done("revoke", "0xada").contains("revoked 0ADA, which is not known here"))
    #expect(try done("revoke", "00AABBCCDDEEFF00AABBCC").contains("revoked AABBCCDDEEFF00AABBCC, which"))
    let shown = try openssl("crl", "-noout", "-text", "-in", "\(directory)/ca.crl").text
    for number in [serial, "0ADA", "AABBCCDDEEFF00AABBCC"] {
      #expect(shown.contains("Serial Number: \(number)\n"))
    }
    let own = try fact("-serial", "ca.crt").dropFirst("serial=".count).dropLast()
    #expect(try refusal("revoke", "0x\(own)").contains("the authority's own"))
    #expect(try refusal("revoke", "alice", "--reason", "boredom").contains("key-compromise"))
    #expect(try done("revoke", "-o", "json", "alice").contains(#""list":"\#(directory)/ca.crl""#))
  }

  /// What was revoked is not let in again by the next revocation.
  @Test func aLostListIsPutTogetherAgain() throws {
    defer { scratch.remove() }
    for client in ["alice", "bob"] { try done("client", client) }
    try done("revoke", "alice")
    unlink("\(directory)/ca.crl")
    #expect(try list().first { $0.name == "alice" }?.state == "revoked")
    try done("revoke", "bob")
    #expect(try list().filter { $0.state == "revoked" }.map(\.name).sorted() == ["alice", "bob"])
    #expect(try listNumber() == 2)
  }

  @Test func revocationsAtTheSameTimeAreAllKept() throws {
    defer { scratch.remove() }
    let running = try (0..<12).map { number in
      try Running(
        Programs.jobctl, ["ca", "revoke", "0x\(1000 + number)", "--dir", directory], directory: scratch)
    }
    for each in running { #expect(try each.wait().status == 0) }
    let shown = try openssl("crl", "-noout", "-text", "-in", "\(directory)/ca.crl").text
    for number in 0..<12 { #expect(shown.contains("Serial Number: \(1000 + number)\n")) }
    #expect(try listNumber() == 12)
    #expect(Files.list(directory).sorted() == ["ca.crl", "ca.crt", "ca.key", "issued"])
  }

  @Test func aNewAuthorityDoesNotHaveTheOldOnesList() throws {
    defer { scratch.remove() }
    try done("revoke", "0x10")
    let finished = try ca(["init", "--force"])
    #expect(finished.status == 0 && finished.errorText.contains("ca.crl.old"), "\(finished.errorText)")
    #expect(Files.exists("\(directory)/ca.crl.old"))
    // A daemon that uses one goes on, with the new one's.
    let shown = try openssl(
      "crl", "-noout", "-text", "-CAfile", "\(directory)/ca.crt", "-in", "\(directory)/ca.crl")
    #expect(shown.errorText.contains("verify OK") && shown.text.contains("No Revoked Certificates"))
  }

  @Test func aRequestGivesItsKeyAndNothingElse() throws {
    defer { scratch.remove() }
    let file = try request("carol", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    let said = try done("sign", "carol", file)
    #expect(said.contains("wrote \(directory)/carol.crt") && !said.contains("carol.key"), "\(said)")
    #expect(try fact("-subject", "carol.crt") == "subject=CN = carol\n")
    let text = try fact("-text", "carol.crt")
    #expect(
      !text.contains("evil") && !text.contains("Server Authentication")
        && text.contains("Client Authentication"))
    let key = try openssl("req", "-noout", "-pubkey", "-in", file).text
    #expect(try fact("-pubkey", "carol.crt") == key)
    #expect(try list().map(\.name) == ["carol"])
    #expect(try refusal("sign", "carol", file).contains("exists already and was kept"))
    #expect(try refusal("sign", "server", file).contains("the name of other files"))
    #expect(try refusal("sign", "carol", file, "--host", "a").contains("--server and --host go together"))
    try done(
      "sign", "jobs.example.org", file, "--server", "--host", "jobs.example.org", "--host", "192.0.2.7")
    #expect(try fact("-text", "jobs.example.org.crt").contains("DNS:jobs.example.org, IP Address:192.0.2.7"))
  }

  @Test func requestsThatAreNotSigned() throws {
    defer { scratch.remove() }
    for (kind, words) in [
      (["rsa:1024"], "RSA of 1024 bits"), (["ed448"], "ED448"),
      (["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "EC secp521r1 of 521 bits"),
      (["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "EC secp256k1"),
      (
        ["ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
        "curve written out"
      ),
    ] {
      let made = try Running(
        "openssl",
        [
          "req", "-new", "-nodes", "-subj", "/", "-keyout", "/dev/null", "-out", "\(scratch.path)/r",
          "-newkey",
        ] + kind,
        directory: scratch
      ).wait()
      try #require(made.status == 0, "\(made.errorText)")
      let said = try refusal("sign", "x", "\(scratch.path)/r")
      #expect(said.contains(words) && said.contains("allowed are P-256, P-384, Ed25519"), "\(said)")
    }
    // A byte of what is signed, the subject's.
    let file = try request("changed", "ed25519")
    _ = try openssl("req", "-in", file, "-outform", "der", "-out", "\(scratch.path)/der")
    let subject = Array("root".utf8)
    var bytes = Files.read("\(scratch.path)/der")
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: subject) })
    bytes[place] = UInt8(ascii: "b")
    let pem = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    let text = "-----BEGIN CERTIFICATE REQUEST-----\n\(pem)\n-----END CERTIFICATE REQUEST-----\n"
    try Files.write(Array(text.utf8), to: file)
    #expect(try refusal("sign", "x", file).contains("not signed with its own key"))
    #expect(try refusal("sign", "x", "\(directory)/ca.crt").contains("it holds no PEM block of that kind"))
    #expect(try refusal("sign", "x", "/nonexistent").contains("No such file"))
    #expect(try list().isEmpty && !Files.exists("\(directory)/x.crt"))
  }

  @Test func aBrowserGetsKeyCertificateAndAuthority() throws {
    defer { scratch.remove() }
    try Files.write(Array("hunter2\n".utf8), to: "\(scratch.path)/password")
    let bundle = "\(scratch.path)/alice.p12"
    try done("client", "alice", "--pkcs12", bundle, "--pkcs12-password-file", "\(scratch.path)/password")
    #expect(mode("../alice.p12") == 0o600)
    #expect(try openssl("pkcs12", "-in", bundle, "-passin", "pass:wrong", "-noout").status != 0)
    let opened = try openssl("pkcs12", "-in", bundle, "-passin", "pass:hunter2", "-nodes", "-info")
    #expect(
      opened.status == 0 && opened.errorText.contains("PBES2, PBKDF2, AES-256-CBC"), "\(opened.errorText)")
    #expect(opened.text.contains("subject=CN = alice\n") && opened.text.contains("subject=CN = jobd CA\n"))
    #expect(opened.text.contains("PRIVATE KEY") && opened.text.contains("friendlyName: alice"))
    #expect(try refusal("client", "bob", "--pkcs12-password-file", "x").contains("goes with --pkcs12"))
    let twice = try refusal(
      "client", "bob", "--pkcs12", bundle, "--pkcs12-password-file", "\(scratch.path)/password")
    #expect(twice.contains("alice.p12 exists already") && !Files.exists("\(directory)/bob.crt"), "\(twice)")
  }

  /// Each kind of key that is signed gets its client in, until it is revoked.
  @Test func signedRenewedAndRevokedClientsOfADaemon() throws {
    defer { scratch.remove() }
    try done("server")
    let kinds = [
      "ed25519": ["ed25519"], "rsa": ["rsa:2048"], "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ]
    for (name, kind) in kinds {
      let made = try Running(
        "openssl",
        [
          "req", "-new", "-nodes", "-subj", "/", "-keyout", "\(directory)/\(name).key", "-out",
          "\(scratch.path)/r",
          "-newkey",
        ] + kind, directory: scratch
      ).wait()
      try #require(made.status == 0, "\(made.errorText)")
      try done("sign", name, "\(scratch.path)/r")
    }
    try done("revoke", "0x10")
    try Daemon.with([
      "--certificate-file", "\(directory)/server.crt", "--key-file", "\(directory)/server.key",
      "--client-ca-file",
      "\(directory)/ca.crt", "--crl-file", "\(directory)/ca.crl",
    ]) { daemon in
      func status(_ name: String) throws -> Int32 {
        try Running(
          Programs.jobctl,
          [
            "ps", "--server", "localhost:\(daemon.port)", "--ca", "\(directory)/ca.crt", "--cert",
            "\(directory)/\(name).crt", "--key", "\(directory)/\(name).key",
          ], directory: scratch
        ).wait().status
      }
      for name in kinds.keys {
        #expect(try status(name) == 0, "\(name)")
        try done("renew", name)
        #expect(try status(name) == 0, "\(name) after its renewal")
      }
      try done("revoke", "rsa")
      try daemon.reload()
      #expect(try status("rsa") == 122 && status("p384") == 0)
    }
  }
}

extension Daemon {
  fileprivate func reload() throws {
    func count() -> Int { log.split(separator: "\n").count { $0.contains("event=reloaded") } }
    let before = count()
    signal(SIGHUP)
    try Poll.until("reloaded") { count() > before }
  }
}
