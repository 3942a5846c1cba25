import Glibc
import JobAPI

extension Command {
  static let caRenew = Command(
    name: "ca renew", summary: "Issues a certificate again, for the same key, valid for longer.",
    operands: .word("NAME|SERIAL"),
    options: CertificateFiles.options(days: CertificateFiles.daysOfOthers), connects: false,
    details: """
      NAME is the common name, or the name of a file without .crt. The new certificate has the name, kind, hosts and key of \
      the old one and takes its place; it is written to NAME.crt where the old one's file went elsewhere. The key's file \
      stays, so that only the certificate is to be sent to its owner.
      """,
    examples: [
      ("jobctl ca renew server", "that of the daemon, in server.crt"),
      ("jobctl ca renew --days 90 alice", "for 90 days from now"),
    ]
  ) { invocation in
    let old = try RenewedCertificate(invocation)
    let files = CertificateFiles(invocation, old.file, hasKey: false)
    try files.renew(old.certificate.place, isReplaced: old.certificate.files.contains(files.certificate))
    guard !invocation.wantsJSON else {
      try Terminal.print(json: ["certificate": files.certificate, "replaces": old.certificate.serial])
      return 0
    }
    try Terminal.print("wrote \(files.certificate)\n")
    if old.certificate.notAfter > Int64(time(nil)) {
      try Terminal.print(
        """
        the one before stays valid until \(old.certificate.ends); to end it now: jobctl ca revoke\
        \(files.authority.directoryOption) --reason superseded \(old.certificate.serial)

        """)
    }
    return 0
  }
}

/// The certificate that a command's operand means, and the name of the file where the new one goes.
private struct RenewedCertificate {
  let certificate: KnownCertificate
  let file: String

  init(_ invocation: Invocation) throws {
    let name = invocation.arguments[0]
    let authority = Authority(invocation)
    let all = try KnownCertificate.all(of: authority)
    let path = "\(authority.directory)/\(name).crt"
    if let found = all.first(where: { $0.files.contains(path) }) {
      (certificate, file) = (found, name)
    } else if let serial = Serial(name), let found = all.first(where: { $0.serial == serial.text }) {
      (certificate, file) = (found, Self.file(of: found, authority) ?? found.name)
    } else {
      certificate = try Self.named(name, all, authority)
      file = Self.file(of: certificate, authority) ?? name
    }
    guard certificate.revoked == nil else {
      throw CertificateError(
        description: "\(certificate.serial) of \(Text.quote(certificate.name)) was revoked: issue a new one")
    }
    try invocation.checkFile(file, taken: ["ca"])
  }

  /// Without .crt.
  private static func file(of certificate: KnownCertificate, _ authority: Authority) -> String? {
    certificate.files.first.map { String($0.dropFirst(authority.directory.count + 1).dropLast(".crt".count)) }
  }

  /// The only one of that name that has a file; else, of those that are not revoked, the newest, if all are of one key.
  private static func named(
    _ name: String, _ all: [KnownCertificate], _ authority: Authority
  ) throws(CertificateError) -> KnownCertificate {
    let named = all.filter { $0.name == name }
    guard !named.isEmpty else {
      throw CertificateError(
        description: "no certificate of \(Text.quote(name)) is known in \(authority.directory): "
          + "\"jobctl ca list\(authority.directoryOption)\" shows what is")
    }
    let filed = named.filter { !$0.files.isEmpty }
    let current = filed.isEmpty ? named.filter { $0.revoked == nil } : filed
    let isClear = filed.isEmpty ? Set(current.map(\.key)).count <= 1 : filed.flatMap(\.files).count == 1
    guard isClear else {
      let words = current.map { "\($0.serial) until \($0.ends)" }.joined(separator: ", ")
      throw CertificateError(
        description: "\(Text.quote(name)) has several certificates: \(words); name one by its serial or file")
    }
    return (current.isEmpty ? named : current).max { $0.notBefore < $1.notBefore }!
  }
}
