import CJobWire
import Glibc
import Testing

/// What is in the certificates, as OpenSSL's own command sees it.
struct CertificateTests {
  private func described(_ file: String) throws -> String {
    let shown = try OpensslCommand.run("x509", "-in", file, "-noout", "-text")
    try #require(shown.status == 0, "\(shown.text)")
    return shown.text
  }

  private func verify(_ pki: Pki, _ purpose: String, _ file: String) throws -> (status: Int32, text: String) {
    try OpensslCommand.run(
      "verify", "-x509_strict", "-CAfile", pki.authority.certificate, "-purpose", purpose, file)
  }

  /// An extension's lines, without the spaces around them.
  private func value(_ name: String, in text: String) throws -> String {
    let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
    let place = try #require(lines.firstIndex { $0.hasPrefix(name) }, "\(name) is in it")
    return String(lines[place + 1])
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
  }

  @Test func authority() throws {
    let pki = try Pki("an authority")
    let text = try described(pki.authority.certificate)
    #expect(text.contains("Version: 3"))
    #expect(text.contains("Subject: CN = an authority"))
    #expect(text.contains("Issuer: CN = an authority"))
    #expect(text.contains("NIST CURVE: P-256"))
    #expect(text.contains("Signature Algorithm: ecdsa-with-SHA256"))
    #expect(text.contains("X509v3 Basic Constraints: critical"))
    #expect(try value("X509v3 Basic Constraints", in: text) == "CA:TRUE, pathlen:0")
    #expect(text.contains("X509v3 Key Usage: critical"))
    #expect(try value("X509v3 Key Usage", in: text) == "Certificate Sign, CRL Sign")
    #expect(!text.contains("Extended Key Usage"))
    let own = try value("X509v3 Subject Key Identifier", in: text)
    #expect(try value("X509v3 Authority Key Identifier", in: text) == own)
    #expect(mode(pki.authority.key) == 0o600 && mode(pki.authority.certificate) == 0o644)
    #expect(Pki.list(pki.directory) == ["ca.crt", "ca.key"])
  }

  @Test func server() throws {
    let pki = try Pki()
    let files = try pki.server("jobs.example.org", "*.example.org", "192.0.2.7", "2001:db8::7", "host_1")
    let text = try described(files.certificate)
    #expect(
      try value("X509v3 Subject Alternative Name", in: text)
        == "DNS:jobs.example.org, DNS:*.example.org, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, DNS:host_1"
    )
    #expect(try value("X509v3 Extended Key Usage", in: text) == "TLS Web Server Authentication")
    #expect(try value("X509v3 Key Usage", in: text) == "Digital Signature")
    #expect(try value("X509v3 Basic Constraints", in: text) == "CA:FALSE")
    #expect(text.contains("NIST CURVE: P-256"))
    let issuer = try value("X509v3 Subject Key Identifier", in: described(pki.authority.certificate))
    #expect(try value("X509v3 Authority Key Identifier", in: text) == issuer)
    #expect(try value("X509v3 Subject Key Identifier", in: text) != issuer)
    #expect(mode(files.key) == 0o600 && mode(files.certificate) == 0o644)
    #expect(try verify(pki, "sslserver", files.certificate).status == 0)
    #expect(try verify(pki, "sslclient", files.certificate).status != 0)
  }

  @Test func client() throws {
    let pki = try Pki()
    let files = try pki.client("alice")
    let text = try described(files.certificate)
    #expect(text.contains("Subject: CN = alice"))
    #expect(try value("X509v3 Extended Key Usage", in: text) == "TLS Web Client Authentication")
    #expect(!text.contains("Subject Alternative Name"))
    #expect(try verify(pki, "sslclient", files.certificate).status == 0)
    #expect(try verify(pki, "sslserver", files.certificate).status != 0)
    let other = try Pki()
    #expect(try verify(other, "sslclient", files.certificate).status != 0)
  }

  @Test func serialsAreLargeAndEachIsNew() throws {
    let pki = try Pki()
    var seen: Set<String> = []
    for number in 0..<16 {
      let files = try pki.client("client-\(number)")
      let shown = try OpensslCommand.run("x509", "-in", files.certificate, "-noout", "-serial").text
      #expect(!shown.contains("-"), "it is positive")
      seen.insert(shown)
    }
    #expect(seen.count == 16)
    // Of 128 bits: that all of sixteen have 32 zero bits in front is out of the question.
    #expect(seen.contains { $0.count > "serial=".count + 24 + 1 })
    #expect(seen.allSatisfy { $0.count <= "serial=".count + 32 + 1 })
  }

  @Test func validity() throws {
    let pki = try Pki(days: 1)
    let expired = try pki.client("expired", begins: -7200, ends: -3600)
    #expect(try verify(pki, "sslclient", expired.certificate).text.contains("certificate has expired"))
    let future = try pki.client("future", begins: 3600, ends: 7200)
    #expect(try verify(pki, "sslclient", future.certificate).text.contains("not yet valid"))
    let long = try pki.client("long", ends: 86_400 * 365)
    let ends = { try OpensslCommand.run("x509", "-noout", "-enddate", "-in", $0).text }
    #expect(try ends(long.certificate) == ends(pki.authority.certificate))
    // A date after 2049 is written in another form.
    let old = try Pki(days: 36_500)
    #expect(
      try verify(old, "sslclient", old.client("much later", ends: 86_400 * 36_000).certificate).status == 0)
  }

  @Test(arguments: [String(repeating: "é", count: 64), "alice@example.org", "名前", "a=b,c/d+e"])
  func names(name: String) throws {
    let pki = try Pki()
    let files = pki.place("named")
    try pki.issue(Pki.Request(name: name), files)
    let shown = try OpensslCommand.run(
      "x509", "-in", files.certificate, "-noout", "-subject", "-nameopt", "utf8,sep_multiline,lname")
    #expect(shown.text.split(separator: "\n").last.map { $0.drop { $0 == " " } } == "commonName=\(name)")
    #expect(try verify(pki, "sslclient", files.certificate).status == 0)
  }
}
