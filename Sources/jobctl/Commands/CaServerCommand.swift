import CJobWire

extension Command {
  static let caServer = Command(
    name: "ca server", summary: "Issues the daemon's certificate: server.crt and server.key.",
    options: [
      Option(
        "host", .text("HOST"), isRepeated: true,
        "A name or address clients use; the first is the common name. localhost and 127.0.0.1 if none is given."
      )
    ] + CertificateFiles.options(days: CertificateFiles.daysOfOthers), connects: false,
    examples: [
      ("jobctl ca server", "for clients on this host"),
      (
        "jobctl ca server --host jobs.example.org --host 192.0.2.7", "a certificate for that name and address"
      ),
    ]
  ) { invocation in
    let hosts = invocation.has("host") ? invocation.all("host") : ["localhost", Setting.standardHost]
    let first = hosts[0]
    for host in hosts { try invocation.check("--host", host, jw_ca_check_host) }
    try invocation.check("the first --host", first)
    let files = CertificateFiles(invocation, "server")
    try files.issue(JW_CA_SERVER, commonName: first, hosts: hosts)
    let next = "jobctl ca client\(files.authority.directoryOption) --default $USER"
    let server = hosts.contains(Setting.standardHost) ? "" : "; clients name it by --server \(first)"
    try files.report(next: next + server)
    return 0
  }
}
