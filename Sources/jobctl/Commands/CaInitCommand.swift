extension Command {
  static let caInit = Command(
    name: "ca init", summary: "Makes an authority for certificates: ca.crt and ca.key.",
    options: [Option("name", .text("NAME"), "The authority's common name; \"jobd CA\" if not given.")]
      + CertificateFiles.options,
    connects: false, details: "The key signs all other certificates: keep it where only you can read it.",
    examples: [("jobctl ca init", "makes the authority; next: jobctl ca server --host localhost")]
  ) { invocation in
    let files = CertificateFiles(invocation, "ca", defaultDays: 3650)
    try files.makeAuthority(commonName: invocation.value("name") ?? "jobd CA")
    try files.report(next: "jobctl ca server\(files.directoryOption) --host localhost --host 127.0.0.1")
    return 0
  }
}
