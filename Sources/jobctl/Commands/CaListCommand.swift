import Glibc
import JobAPI

extension Command {
  static let caList = Command(
    name: "ca list", summary: "Lists the certificates that the authority issued, and how they are.",
    options: [Authority.directory, .output("json: one object a line.")], connects: false,
    details: """
      Those of the files in the directory, and those whose files went elsewhere: "issued" beside the authority has a copy \
      of each. One that ends within 30 days expires soon.
      """,
    examples: [
      ("jobctl ca list", "names, until when, and what was revoked"),
      ("jobctl ca list -o json | jq -r 'select(.state == \"expires soon\").name'", "what is to be renewed"),
    ]
  ) { invocation in
    let authority = Authority(invocation)
    let known = try KnownCertificate.all(of: authority)
    let now = Int64(time(nil))
    guard !invocation.wantsJSON else {
      for certificate in known { try Terminal.print(json: CertificateEntry(certificate, now)) }
      return 0
    }
    let rows = known.map { certificate in
      [
        certificate.name.isEmpty ? "-" : Text.printable(certificate.name), state(certificate, now),
        certificate.kind, certificate.ends, certificate.serial, files(certificate, authority),
      ]
    }
    let table = JobTable(
      head: ["NAME", "STATE", "KIND", "UNTIL", "SERIAL", "FILES"], rows: rows,
      colours: known.map { colour($0.state(now)) })
    try Terminal.print(table.text(width: Screen.width, colour: Screen.hasColour()))
    return 0
  }

  private static func state(_ certificate: KnownCertificate, _ now: Int64) -> String {
    let state = certificate.state(now).rawValue
    return certificate.revoked.map { "\(state) \(KnownCertificate.second($0))" } ?? state
  }

  private static func files(_ certificate: KnownCertificate, _ authority: Authority) -> String {
    let names = certificate.files.map { Text.quote(String($0.dropFirst(authority.directory.count + 1))) }
    return names.isEmpty ? "-" : names.joined(separator: ",")
  }

  private static func colour(_ state: KnownCertificate.State) -> Colour? {
    switch state {
    case .valid: nil
    case .expiresSoon: .yellow
    case .expired, .revoked: .red
    }
  }
}

private struct CertificateEntry: Encodable {
  let name, state, kind, serial, begins, ends: String
  let revoked: String?
  let files: [String]

  init(_ certificate: KnownCertificate, _ now: Int64) {
    (name, kind, serial) = (certificate.name, certificate.kind, certificate.serial)
    (begins, ends) = (KnownCertificate.second(certificate.notBefore), certificate.ends)
    state = certificate.state(now).rawValue
    revoked = certificate.revoked.map(KnownCertificate.second)
    files = certificate.files
  }
}
