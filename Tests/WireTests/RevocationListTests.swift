import CJobWire
import Glibc
import Harness
import Testing

/// What becomes of revocation lists that are there before.
struct RevocationListTests {
  private let pki: Pki
  private var list: String { "\(pki.directory)/ca.crl" }

  init() throws { pki = try Pki() }

  private func revoke(_ serials: String..., reason: Int32 = 0, by pki: Pki? = nil) throws {
    let pki = pki ?? self.pki
    var error = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    let done = withStrings([pki.authority.certificate, pki.authority.key, list] + serials) { strings in
      var authority = jw_ca_authority(certificate_file: strings[0]!, key_file: strings[1]!, passphrase: nil)
      return Array(strings[3...] + [nil]).withUnsafeBufferPointer {
        jw_ca_revoke(&authority, strings[2]!, nil, $0.baseAddress!, reason, &error)
      }
    }
    guard done else { throw Failure(description: text(error)) }
  }

  private func revoked() throws -> [String: Int64] {
    var (found, error) = ([String: Int64](), [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE)))
    let done = withStrings([pki.authority.certificate, list]) { strings in
      withUnsafeMutablePointer(to: &found) { found in
        jw_ca_revocations(
          strings[0]!, strings[1]!,
          { $0.assumingMemoryBound(to: [String: Int64].self).pointee[String(cString: $1)] = $2 }, found,
          &error)
      }
    }
    guard done else { throw Failure(description: text(error)) }
    return found
  }

  private func shown() throws -> String {
    try OpensslCommand.run("crl", "-noout", "-text", "-in", list, "-CAfile", pki.authority.certificate).text
  }

  /// Made by openssl's own command, with a number of its own and soon at an end.
  private func makeList(with certificate: String, number: String, by pki: Pki) throws {
    let base = "\(pki.directory)/openssl"
    let settings = """
      [ca]
      default_ca = d
      [d]
      database = \(base).index
      crlnumber = \(base).number
      default_md = sha256
      default_crl_days = 1
      crl_extensions = e
      [e]
      authorityKeyIdentifier = keyid:always
      """
    try Files.write(Array(settings.utf8), to: "\(base).conf")
    try Files.write([], to: "\(base).index")
    try Files.write(Array("\(number)\n".utf8), to: "\(base).number")
    let common = [
      "ca", "-config", "\(base).conf", "-cert", pki.authority.certificate, "-keyfile", pki.authority.key,
    ]
    for step in [
      ["-revoke", certificate, "-crl_reason", "cessationOfOperation"], ["-gencrl", "-out", list],
    ] {
      let scratch = try Scratch()
      defer { scratch.remove() }
      let done = try Running("openssl", common + step, directory: scratch).wait()
      try #require(done.status == 0, "\(done.errorText)")
    }
  }

  @Test func anothersListIsGoneOnWith() throws {
    let alice = try pki.client("alice")
    let serial = try OpensslCommand.run("x509", "-noout", "-serial", "-in", alice.certificate).text
      .dropFirst("serial=".count).dropLast()
    try makeList(with: alice.certificate, number: "FF", by: pki)
    let before = try revoked()
    #expect(before.keys.sorted() == [String(serial)])
    try revoke("0B", "0C", reason: 1)
    #expect(try revoked().keys.sorted() == [String(serial), "0B", "0C"].sorted())
    #expect(try revoked()[String(serial)] == before[String(serial)], "the time is the first one's")
    let text = try shown()
    #expect(
      text.contains("verify OK") && text.contains("Cessation Of Operation") && text.contains("Key Compromise")
    )
    #expect(text.contains("X509v3 CRL Number: \n                256\n"), "\(text)")
    // Once more changes nothing of an entry.
    try revoke("0C", reason: 4)
    #expect(try !shown().contains("Superseded"))
  }

  @Test func listsOfOthersInTheFileStayAsTheyAre() throws {
    let other = try Pki("another authority")
    try makeList(with: try other.client("bob").certificate, number: "05", by: other)
    // Without what openssl may write before it.
    let begin = "-----BEGIN X509 CRL-----"
    let theirs = try #require(Files.text(list).split(separator: begin).last)
    try revoke("0B")
    #expect(Files.text(list).split(separator: begin).last == theirs)
    try revoke("0C")
    #expect(try revoked().keys.sorted() == ["0B", "0C"])
    // The authority's own that somebody put behind one another are one from then on.
    let own = Files.read(list)
    try revoke("0D")
    try Files.write(own + Files.read(list), to: list)
    try revoke("0E")
    #expect(try revoked().keys.sorted() == ["0B", "0C", "0D", "0E"])
    #expect(
      String(decoding: Files.read(list), as: UTF8.self).split(separator: "-----BEGIN X509 CRL-----").count
        == 3)
  }

  @Test func whatIsNoListOfTheAuthorityIsNotWrittenOver() throws {
    let namesake = try Pki()
    try revoke("0B", by: namesake)
    let before = Files.read(list)
    #expect(refusal { try revoke("0C") }.contains("another authority of the same name: move it away"))
    #expect(refusal { _ = try revoked() }.contains("another authority of the same name"))
    #expect(Files.read(list) == before)
    for bytes in [
      [], Array("nothing".utf8), Array("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n".utf8),
    ] {
      try Files.write(bytes, to: list)
      #expect(refusal { try revoke("0C") }.contains("cannot use the revocation list \(list)"))
      #expect(Files.read(list) == bytes)
    }
  }

  @Test(arguments: ["", "0x1", "xyz", "-1", "1 2", String(repeating: "A", count: 80)])
  func serialsThatAreNone(serial: String) throws {
    #expect(refusal { try revoke(serial) }.contains("not a serial in hexadecimal digits"))
    #expect(Pki.list(pki.directory) == ["ca.crt", "ca.key"])
  }

  /// The list is of use as long as the authority, and a clock that is behind takes it.
  @Test func timesOfAList() throws {
    try revoke("0B")
    let next = try OpensslCommand.run("crl", "-noout", "-nextupdate", "-in", list).text
    let end = try OpensslCommand.run("x509", "-noout", "-enddate", "-in", pki.authority.certificate).text
    #expect(next.dropFirst("nextUpdate=".count) == end.dropFirst("notAfter=".count))
    let alice = try pki.client(begins: -280)
    let verified = try OpensslCommand.run(
      "verify", "-crl_check", "-attime", "\(time(nil) - 200)", "-CAfile", pki.authority.certificate,
      "-CRLfile", list,
      alice.certificate)
    #expect(verified.status == 0, "\(verified.text)")
  }
}
