import CJobWire

extension Command {
  static let caServer = Command(
    name: "ca server", summary: "Issues the daemon's certificate: server.crt and server.key.",
    options: [
      Option(
        "host", .text("HOST"), isRepeated: true,
        "A name or address clients use; the first is the common name.")
    ] + CertificateFiles.options(days: CertificateFiles.daysOfOthers), connects: false,
    examples: [
      ("jobctl ca server --host jobs.example.org --host 192.0.2.7", "a certificate for that name and address")
    ]
  ) { invocation in
    let hosts = invocation.all("host")
    guard let first = hosts.first else { throw invocation.usage("name the hosts: --host HOST") }
    for host in hosts { try invocation.check("--host", host, jw_ca_check_host) }
    try invocation.check("the first --host", first)
    let files = CertificateFiles(invocation, "server")
    try files.issue(JW_CA_SERVER, commonName: first, hosts: hosts)
    try files.report(next: "jobctl ca client\(files.directoryOption) --default $USER")
    return 0
  }
}
