import CJobWire

extension Command {
  static let caClient = Command(
    name: "ca client", summary: "Issues a client's certificate: NAME.crt and NAME.key.",
    operands: .word("NAME"),
    options: [Option("default", "Writes client.crt and client.key, which jobctl uses by itself.")]
      + CertificateFiles.options(days: CertificateFiles.daysOfOthers),
    connects: false,
    details: "NAME is the certificate's common name, by which jobd knows the client: jobs belong to it.",
    examples: [
      ("jobctl ca client alice", "writes alice.crt and alice.key"),
      ("jobctl ca client --default alice", "the same, under the names jobctl uses when nothing is set"),
    ]
  ) { invocation in
    let name = invocation.arguments[0]
    try invocation.check("NAME", name)
    let file = invocation.has("default") ? "client" : name
    guard !file.isEmpty, !file.contains("/"), !file.hasPrefix(".") else {
      throw invocation.usage("\"\(name)\" cannot be the name of a file")
    }
    guard !["ca", "server"].contains(file) else {
      throw invocation.usage("\"\(name)\" is the name of other files here")
    }
    let files = CertificateFiles(invocation, file)
    try files.issue(JW_CA_CLIENT, commonName: name, hosts: [])
    try files.report(next: next(files, isDefault: invocation.has("default") && !invocation.has("dir")))
    return 0
  }

  private static func next(_ files: CertificateFiles, isDefault: Bool) -> String {
    if isDefault {
      return "start the daemon with \"jobd\" (in /usr/local/sbin), then type: jobctl run uname -a"
    }
    let paths = [("ca", "\(files.directory)/ca.crt"), ("cert", files.certificate), ("key", files.key)]
    return "jobctl config set" + paths.map { " --\($0) \(Text.quote($1))" }.joined()
  }
}
