import JobClient
import Testing

@testable import jobctl

/// What the command line says of certificates.
@Suite struct CertificateTests {
  @Test(arguments: [
    ("0A", "0A", false), ("a", "0A", false), ("0xada", "0ADA", true), ("0XADA", "0ADA", true),
    ("00ff", "FF", false),
    ("8c:3f:25", "8C3F25", true), ("1000", "1000", false), ("0123456789abcdef", "0123456789ABCDEF", true),
    (String(repeating: "f", count: 40), String(repeating: "F", count: 40), true),
  ])
  func serials(written: String, text: String, isUnmistakable: Bool) throws {
    let serial = try #require(Serial(written))
    #expect(serial.text == text && serial.isUnmistakable == isUnmistakable)
  }

  @Test(arguments: ["", "0x", "0", "00:00", "alice", "-1", "1 2", "ＡＢ", String(repeating: "f", count: 41)])
  func wordsThatAreNoSerials(word: String) {
    #expect(Serial(word) == nil)
  }

  @Test func howACertificateIs() {
    func state(_ notAfter: Int64, revoked: Int64? = nil) -> KnownCertificate.State {
      KnownCertificate(
        name: "a", serial: "01", key: "", kind: "client", notBefore: 0, notAfter: notAfter, revoked: revoked,
        files: [], place: ""
      ).state(100 * 86_400)
    }
    #expect(state(131 * 86_400) == .valid && state(130 * 86_400) == .valid)
    #expect(state(130 * 86_400 - 1) == .expiresSoon && state(100 * 86_400) == .expiresSoon)
    #expect(state(100 * 86_400 - 1) == .expired)
    #expect(state(0, revoked: 5) == .revoked && state(131 * 86_400, revoked: 5) == .revoked)
    #expect(KnownCertificate.second(1_700_000_000) == "2023-11-14T22:13:20Z")
  }

  @Test func passphrases() {
    #expect(Passphrase([]) == nil && Passphrase([0x61, 0]) == nil)
    #expect(Passphrase([UInt8](repeating: 0x61, count: Passphrase.mostBytes + 1)) == nil)
    #expect(Passphrase([UInt8](repeating: 0x61, count: Passphrase.mostBytes)) != nil)
    #expect(Passphrase(Array("a b\u{e9}".utf8)) == Passphrase(Array("a b\u{e9}".utf8)))
    #expect(Passphrase(Array("a".utf8)) != Passphrase(Array("b".utf8)))
  }
}
