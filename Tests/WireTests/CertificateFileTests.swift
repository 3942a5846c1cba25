import CJobWire
import Glibc
import Testing

/// Files that are kept, and requests that are refused.
struct CertificateFileTests {
  private func contents(_ path: String) throws -> String {
    let shown = try OpensslCommand.run("base64", "-in", path)
    try #require(shown.status == 0, "\(path) can be read")
    return shown.text
  }

  @Test func filesAreKeptUnlessForced() throws {
    let pki = try Pki()
    let files = try pki.client()
    let before = (try contents(files.certificate), try contents(files.key))
    let said = refusal { try pki.issue(Pki.Request(), files) }
    #expect(said.contains(files.key) && said.contains("exists") && said.contains("--force"))
    #expect(try contents(files.certificate) == before.0 && contents(files.key) == before.1)
    chmod(files.key, 0o644)
    try pki.issue(Pki.Request(), files, force: true)
    #expect(try contents(files.certificate) != before.0 && contents(files.key) != before.1)
    var status = stat()
    #expect(stat(files.key, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(Pki.list(pki.directory) == ["alice.crt", "alice.key", "ca.crt", "ca.key"])
  }

  @Test func anAuthorityIsKeptUnlessForced() throws {
    let pki = try Pki()
    let before = try contents(pki.authority.key)
    let said = refusal { try Pki.create("another", days: 1, pki.authority) }
    #expect(said.contains("--force"))
    #expect(try contents(pki.authority.key) == before)
    try Pki.create("another", days: 1, pki.authority, force: true)
    #expect(try contents(pki.authority.key) != before)
  }

  /// Either both files are there or none.
  @Test func aKeyIsNotLeftWithoutItsCertificate() throws {
    let pki = try Pki()
    let files = pki.place("half")
    close(open(files.certificate, O_CREAT | O_WRONLY, 0o600))
    #expect(refusal { try pki.issue(Pki.Request(), files) }.contains("half.crt exists"))
    #expect(Pki.list(pki.directory) == ["ca.crt", "ca.key", "half.crt"])
  }

  @Test func aKeyIsNotReplacedWhenItsCertificateCannotBe() throws {
    let pki = try Pki()
    let files = try pki.client()
    let before = try contents(files.key)
    unlink(files.certificate)
    mkdir(files.certificate, 0o755)
    let said = refusal { try pki.issue(Pki.Request(), files, force: true) }
    #expect(said.contains("alice.crt") && said.contains("Is a directory"))
    #expect(try contents(files.key) == before)
    #expect(Pki.list(pki.directory) == ["alice.crt", "alice.key", "ca.crt", "ca.key"])
  }

  @Test func anAuthoritysOwnFilesAreNeverWrittenOver() throws {
    let pki = try Pki()
    let before = (try contents(pki.authority.certificate), try contents(pki.authority.key))
    let linked = pki.place("linked")
    link(pki.authority.key, linked.certificate)
    for files in [pki.authority, linked] {
      let said = refusal { try pki.issue(Pki.Request(), files, force: true) }
      #expect(said.contains("the authority's own file"))
    }
    #expect(try contents(pki.authority.certificate) == before.0 && contents(pki.authority.key) == before.1)
    let once = Identity(certificate: pki.directory + "/one", key: pki.directory + "/one")
    #expect(refusal { try pki.issue(Pki.Request(), once, force: true) }.contains("a file each"))
  }

  @Test func placesThatCannotBeWritten() throws {
    let pki = try Pki()
    let nowhere = Identity(certificate: pki.directory + "/none/a.crt", key: pki.directory + "/none/a.key")
    let said = refusal { try pki.issue(Pki.Request(), nowhere) }
    #expect(said.contains("/none/a.key") && said.contains("No such file or directory"))
    let long = pki.place(String(repeating: "n", count: 300))
    #expect(refusal { try pki.issue(Pki.Request(), long) }.contains("File name too long"))
  }

  @Test func onlyAnAuthorityIssues() throws {
    let pki = try Pki()
    let other = try Pki()
    let alice = try pki.client()
    let mixed = Identity(certificate: pki.authority.certificate, key: other.authority.key)
    let absent = Identity(certificate: pki.directory + "/absent", key: pki.authority.key)
    let expected = [
      (alice, "not the certificate of an authority"), (mixed, "does not belong to its certificate"),
      (absent, "No such file or directory"),
      (Identity(certificate: alice.key, key: pki.authority.key), "holds no PEM block of that kind"),
      (Identity(certificate: pki.authority.certificate, key: alice.certificate), "holds no private key"),
    ]
    for (issuer, reason) in expected {
      let said = refusal { try pki.issue(Pki.Request(), pki.place("bob"), by: issuer) }
      #expect(said.contains(reason))
    }
    #expect(Pki.list(pki.directory) == ["alice.crt", "alice.key", "ca.crt", "ca.key"])
  }

  @Test(arguments: [
    (Pki.Request(name: ""), "the name is empty"),
    (Pki.Request(name: String(repeating: "é", count: 65)), "65 characters"),
    (Pki.Request(name: "a\nb"), "control character (U+000A)"),
    (Pki.Request(name: "a\u{9f}"), "control character (U+009F)"),
    (Pki.Request(hosts: ["localhost"]), "has no host names"),
    (Pki.Request(use: JW_CA_SERVER), "at least one host name"),
    (Pki.Request(use: JW_CA_SERVER, hosts: []), "at least one host name"),
    (Pki.Request(begins: 10, ends: 10), "must end after it begins"),
    (Pki.Request(ends: 86_400 * 36_501), "limited to 36500 days"),
  ])
  func refused(request: Pki.Request, reason: String) throws {
    let pki = try Pki()
    #expect(refusal { try pki.issue(request, pki.place("x")) }.contains(reason))
    #expect(Pki.list(pki.directory) == ["ca.crt", "ca.key"])
  }

  @Test(arguments: [
    "", " ", "a b", "-a", "a-", "a..b", ".a", "a.", "*", "*.org", "a.*.org", "1.2.3.4.5", "1.2.3", "a:1",
    "a/b",
    "a@b", "::1::", "exämple.org", String(repeating: "a", count: 64) + ".org",
    String(repeating: "a.", count: 127) + "org",
  ])
  func hostsThatAreNone(host: String) throws {
    let pki = try Pki()
    let request = Pki.Request(use: JW_CA_SERVER, name: "server", hosts: ["localhost", host])
    #expect(
      refusal { try pki.issue(request, pki.place("x")) }.contains("not a host name or IP address: '\(host)'"))
  }

  @Test(
    arguments: [
      [0xff], [0xc3], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80],
    ] as [[UInt8]])
  func namesThatAreNotUTF8(bytes: [UInt8]) throws {
    let pki = try Pki()
    var error = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    let name = (Array("a".utf8) + bytes + [0]).map { CChar(bitPattern: $0) }
    let files = pki.place("x")
    let made = withStrings([files.certificate, files.key]) { strings in
      var output = jw_ca_output(
        certificate_file: strings[0]!, key_file: strings[1]!, passphrase: nil, records: nil, bundle_file: nil,
        bundle_password: nil, force: false)
      return jw_ca_create(name, 1, &output, &error)
    }
    #expect(!made && text(error) == "the name is not valid UTF-8")
  }

  @Test(arguments: [0, 36_501] as [UInt32])
  func daysOfAnAuthority(days: UInt32) throws {
    #expect(refusal { _ = try Pki(days: days) }.contains("days must be 1 to 36500"))
  }
}
