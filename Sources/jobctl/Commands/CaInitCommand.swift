import CJobWire
import Glibc

extension Command {
  static let caInit = Command(
    name: "ca init", summary: "Makes an authority for certificates: ca.crt and ca.key.",
    options: [
      Option("name", .text("NAME"), "The authority's common name; \"jobd CA\" if not given."),
      Option("encrypt", "Encrypts the key by a passphrase, for which the terminal is asked each time."),
    ] + CertificateFiles.options(days: CertificateFiles.daysOfAuthority),
    connects: false,
    details: """
      The key signs all other certificates: keep it where only you can read it. On the daemon's host "jobd setup" makes \
      authority, certificates and a first client at once.
      """,
    examples: [
      ("jobctl ca init", "makes the authority; next: jobctl ca server --host localhost --host 127.0.0.1"),
      ("jobctl ca init --encrypt --dir ~/ca", "with a passphrase, where no daemon is"),
    ]
  ) { invocation in
    let name = invocation.value("name") ?? "jobd CA"
    try invocation.check("--name", name)
    guard invocation.has("encrypt") || !invocation.has("passphrase-file") else {
      throw invocation.usage("--passphrase-file goes with --encrypt")
    }
    let files = CertificateFiles(invocation, "ca", days: CertificateFiles.daysOfAuthority)
    let authority = files.authority
    let passphrase =
      invocation.has("encrypt") ? try KeyPassphrase.new(for: authority.key, authority.passphraseSource) : nil
    try files.makeAuthority(commonName: name, passphrase)
    try authority.renewRevocations(passphrase)
    try files.report(
      next: "jobctl ca server\(authority.directoryOption) --host localhost --host 127.0.0.1")
    return 0
  }
}
