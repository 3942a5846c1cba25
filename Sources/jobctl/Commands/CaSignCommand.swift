import CJobWire

extension Command {
  static let caSign = Command(
    name: "ca sign", summary: "Issues a certificate for a key that is elsewhere: NAME.crt.",
    operands: .wordAndFile("NAME REQUEST"),
    options: [
      Option("server", "It is a daemon's; a client's if not given."),
      Option(
        "host", .text("HOST"), isRepeated: true, "With --server: a name or address clients use of it."),
    ] + CertificateFiles.options(days: CertificateFiles.daysOfOthers), connects: false,
    details: """
      REQUEST is a file with a certification request (PKCS #10, PEM), made where the key is, which never leaves its host. \
      Only the key is taken from it, and its signature is checked; name, kind and hosts are those of the command. Keys of \
      P-256, P-384, Ed25519, and RSA of 2048 bits or more are signed. \
      "openssl req -new -newkey ed25519 -nodes -subj / -keyout client.key -out alice.csr" makes a key and its request.
      """,
    examples: [
      ("jobctl ca sign alice alice.csr", "writes alice.crt, to be sent back with ca.crt"),
      ("jobctl ca sign --server --host jobs.example.org jobs jobs.csr", "jobs.crt, for a daemon elsewhere"),
    ]
  ) { invocation in
    let hosts = invocation.all("host")
    guard invocation.has("server") == !hosts.isEmpty else {
      throw invocation.usage("--server and --host go together")
    }
    for host in hosts { try invocation.check("--host", host, jw_ca_check_host) }
    try invocation.checkName(taken: invocation.has("server") ? ["ca"] : ["ca", "server"])
    let files = CertificateFiles(invocation, invocation.arguments[0], hasKey: false)
    try files.issue(
      hosts.isEmpty ? JW_CA_CLIENT : JW_CA_SERVER, commonName: invocation.arguments[0], hosts: hosts,
      request: invocation.arguments[1])
    try files.report(next: "send it to where its key is, with \(Text.quote(files.authority.certificate))")
    return 0
  }
}
