import CJobWire
import Platform

extension Command {
  static let caClient = Command(
    name: "ca client", summary: "Issues a client's certificate: NAME.crt and NAME.key.",
    operands: .word("NAME"),
    options: [
      Option("default", "Writes client.crt and client.key, which jobctl uses by itself."),
      Option(
        "pkcs12", .file, "Writes key, certificate and authority to this file too, as browsers take them."),
      Option(
        "pkcs12-password-file", .file,
        "Has that file's password as its first line; else the terminal is asked."),
    ] + CertificateFiles.options(days: CertificateFiles.daysOfOthers),
    connects: false,
    details: "NAME is the certificate's common name, by which jobd knows the client: jobs belong to it.",
    examples: [
      ("jobctl ca client alice", "writes alice.crt and alice.key"),
      ("jobctl ca client --default alice", "the same, under the names jobctl uses when nothing is set"),
      ("jobctl ca client --days 30 --pkcs12 alice.p12 alice", "for a browser, and for a month"),
    ]
  ) { invocation in
    let name = invocation.arguments[0]
    let file = invocation.has("default") ? "client" : name
    try invocation.checkName(file: file, taken: ["ca", "server"])
    guard invocation.has("pkcs12") || !invocation.has("pkcs12-password-file") else {
      throw invocation.usage("--pkcs12-password-file goes with --pkcs12")
    }
    var files = CertificateFiles(invocation, file)
    try files.authority.check()
    if let bundle = invocation.value("pkcs12").map(Path.absolute) {
      files.bundle = (bundle, try KeyPassphrase.new(for: bundle, .init(invocation, "pkcs12-password-file")))
    }
    try files.issue(JW_CA_CLIENT, commonName: name, hosts: [])
    try files.report(next: next(files, isDefault: invocation.has("default") && !invocation.has("dir")))
    return 0
  }

  private static func next(_ files: CertificateFiles, isDefault: Bool) -> String {
    if isDefault {
      return "start the daemon with \"jobd\", then type: jobctl run uname -a"
    }
    let paths = [("ca", files.authority.certificate), ("cert", files.certificate), ("key", files.key!)]
    return "jobctl config set" + paths.map { " --\($0) \(Text.quote($1))" }.joined()
      + "\n      on another host: copy these three files there, and add --server HOST:PORT"
  }
}
