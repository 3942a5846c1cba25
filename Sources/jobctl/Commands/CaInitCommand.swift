extension Command {
  static let caInit = Command(
    name: "ca init", summary: "Makes an authority for certificates: ca.crt and ca.key.",
    options: [Option("name", .text("NAME"), "The authority's common name; \"jobd CA\" if not given.")]
      + CertificateFiles.options(days: CertificateFiles.daysOfAuthority),
    connects: false, details: "The key signs all other certificates: keep it where only you can read it.",
    examples: [
      ("jobctl ca init", "makes the authority; next: jobctl ca server --host localhost --host 127.0.0.1")
    ]
  ) { invocation in
    let name = invocation.value("name") ?? "jobd CA"
    try invocation.check("--name", name)
    let files = CertificateFiles(invocation, "ca", days: CertificateFiles.daysOfAuthority)
    try files.makeAuthority(commonName: name)
    try files.report(next: "jobctl ca server\(files.directoryOption) --host localhost --host 127.0.0.1")
    return 0
  }
}
