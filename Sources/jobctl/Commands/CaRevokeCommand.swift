import CJobWire
import Glibc
import JobAPI
import Platform

extension Command {
  static let caRevoke = Command(
    name: "ca revoke", summary: "Ends certificates before their time: adds them to ca.crl.",
    operands: .word("NAME|SERIAL"),
    options: [
      Option("reason", .oneOf(RevocationReason.allCases.map(\.rawValue)), "Why, as the list has it."),
      Authority.directory, Authority.passphraseFile, .json,
    ], connects: false,
    details: """
      NAME means all certificates of that common name that the directory knows and that are neither expired nor revoked; SERIAL is as "jobctl ca list" \
      has it. jobd uses the list beside the authority by itself and cuts off at once who has such a certificate; where the \
      daemon is elsewhere, ca.crl is to be copied there. The list ends with the authority, not before. Nothing is ever \
      taken off it.
      """,
    examples: [
      ("jobctl ca revoke alice", "all that alice has"),
      ("jobctl ca revoke --reason key-compromise 8C3F25D1A6E04B7792", "one of them"),
    ]
  ) { invocation in
    let authority = Authority(invocation)
    let revoked = try RevokedCertificates(invocation, authority)
    if !revoked.serials.isEmpty {
      let reason = invocation.value("reason").flatMap(RevocationReason.init)?.code ?? 0
      try authority.revoke(revoked.serials, reason)
    }
    let reply = RevocationReply(list: authority.revocations, revoked: revoked.serials)
    try invocation.print(reply, revoked.text(authority))
    return 0
  }
}

private struct RevocationReply: Encodable {
  let list: String
  let revoked: [String]
}

/// Of RFC 5280, section 5.3.1, those that are for good.
private enum RevocationReason: String, CaseIterable {
  case keyCompromise = "key-compromise"
  case affiliationChanged = "affiliation-changed"
  case superseded
  case cessationOfOperation = "cessation-of-operation"
  case privilegeWithdrawn = "privilege-withdrawn"

  var code: Int32 {
    switch self {
    case .keyCompromise: 1
    case .affiliationChanged: 3
    case .superseded: 4
    case .cessationOfOperation: 5
    case .privilegeWithdrawn: 9
    }
  }
}

/// What a command's operand means.
private struct RevokedCertificates {
  /// Empty: there is nothing to revoke.
  let serials: [String]
  private let found: [KnownCertificate]
  private let operand: String

  init(_ invocation: Invocation, _ authority: Authority) throws {
    operand = invocation.arguments[0]
    let (all, now, word) = (try KnownCertificate.all(of: authority), Int64(time(nil)), operand)
    let serial = Serial(word)
    let named = all.filter { $0.name == word }
    found = named.isEmpty ? all.filter { $0.serial == serial?.text } : named
    guard found.isEmpty else {
      let isOne = named.isEmpty
      serials = found.filter { $0.revoked == nil && (isOne || $0.notAfter >= now) }.map(\.serial)
      return
    }
    guard let serial, serial.isUnmistakable else {
      let hint = serial.map { "; a serial that is not known here is written 0x\($0.text)" } ?? ""
      throw CertificateError(
        description: "no certificate of \(Text.quote(word)) is known in \(authority.directory): "
          + "\"jobctl ca list\(authority.directoryOption)\" shows what is\(hint)")
    }
    serials = [serial.text]
  }

  /// Without the end of its last line.
  func text(_ authority: Authority) -> String {
    guard !serials.isEmpty else {
      let words = found.map {
        $0.revoked == nil ? "\($0.serial) has expired" : "\($0.serial) was revoked before"
      }
      return "nothing to revoke: \(words.joined(separator: ", "))"
    }
    let lines = serials.map { serial in
      let known = found.first { $0.serial == serial }
      return known.map { "revoked \(serial) of \(Text.quote($0.name)), a \($0.kind)'s" }
        ?? "revoked \(serial), which is not known here"
    }
    let ends = [
      "wrote \(authority.revocations)",
      "a jobd that has \(authority.certificate) as its authority cuts off clients by itself; "
        + "where it has a copy elsewhere, copy ca.crl beside that",
    ]
    let server = "jobctl asks no list for a daemon's certificate: give the daemon a new one"
    let hasServer = found.contains { serials.contains($0.serial) && $0.kind.contains("server") }
    return (lines + ends + (hasServer ? [server] : [])).joined(separator: "\n")
  }
}
