import CJobWire
import FoundationEssentials
import Glibc

extension Command {
  private static let place = [
    Option("dir", value: "DIRECTORY", "Where the files are; /etc/jobd/pki as root, else ~/.config/jobd/pki."),
    Option("days", value: "N", "How long it is valid."),
    Option("force", "Replaces files that exist."),
  ]

  static let caInit = Command(
    name: "ca init", summary: "Makes an authority for certificates: ca.crt and ca.key.",
    options: place + [Option("name", value: "NAME", "The authority's common name; \"jobd CA\".")],
    connects: false,
    examples: [("jobctl ca init", "makes the authority; next: jobctl ca server --host localhost")]
  ) { invocation in
    let files = try CertificateFiles(invocation, "ca", defaultDays: 3650)
    try files.makeDirectory()
    try CertificateError.check { error in
      files.withOutput { jw_ca_create(invocation.value("name") ?? "jobd CA", files.days, $0, error) }
    }
    try files.report(next: "jobctl ca server --host localhost --host 127.0.0.1")
    return 0
  }

  static let caServer = Command(
    name: "ca server", summary: "Issues the daemon's certificate: server.crt and server.key.",
    options: [
      Option(
        "host", value: "HOST", isRepeated: true,
        "A name or address clients use; the first is the common name.")
    ]
      + place, connects: false,
    examples: [
      ("jobctl ca server --host jobs.example.org --host 192.0.2.7", "a certificate for that name and address")
    ]
  ) { invocation in
    let hosts = invocation.all("host")
    guard let first = hosts.first else { throw invocation.usage("name the hosts: --host HOST") }
    let files = try CertificateFiles(invocation, "server", defaultDays: 825)
    try files.issue(JW_CA_SERVER, commonName: first, hosts: hosts)
    try files.report(next: "jobctl ca client $USER")
    return 0
  }

  static let caClient = Command(
    name: "ca client", summary: "Issues a client's certificate: NAME.crt and NAME.key.", arguments: "NAME",
    count: 1...1,
    options: place + [Option("default", "Writes client.crt and client.key, which jobctl uses by itself.")],
    connects: false,
    details: "NAME is the certificate's common name, by which jobd knows the client: jobs belong to it.",
    examples: [
      ("jobctl ca client alice", "writes alice.crt and alice.key"),
      ("jobctl ca client --default alice", "the same, under the names jobctl uses when nothing is set"),
    ]
  ) { invocation in
    let name = invocation.arguments[0]
    let file = invocation.has("default") ? "client" : name
    guard !file.contains("/"), !file.hasPrefix(".") else {
      throw invocation.usage("\"\(name)\" cannot be the name of a file")
    }
    guard !["ca", "server"].contains(file) else {
      throw invocation.usage("\"\(name)\" is the name of other files here")
    }
    let files = try CertificateFiles(invocation, file, defaultDays: 825)
    try files.issue(JW_CA_CLIENT, commonName: name, hosts: [])
    try files.report(next: "jobctl --help; the daemon is started with: jobd")
    return 0
  }
}

/// Where a certificate and its key are written.
private struct CertificateFiles {
  let directory, certificate, key: String
  let days: UInt32
  let force: Bool

  init(_ invocation: Invocation, _ name: String, defaultDays: UInt32) throws(UsageError) {
    directory = invocation.value("dir") ?? Environment().keyDirectory
    certificate = "\(directory)/\(name).crt"
    key = "\(directory)/\(name).key"
    force = invocation.has("force")
    guard let text = invocation.value("days") else {
      days = defaultDays
      return
    }
    guard let number = UInt32(text), number > 0 else {
      throw invocation.usage("--days \(text) must be a whole number above 0")
    }
    days = number
  }

  func makeDirectory() throws {
    try FileManager.default.createDirectory(at: URL(filePath: directory), withIntermediateDirectories: true)
  }

  func withOutput<Result>(_ body: (UnsafePointer<jw_ca_output>) -> Result) -> Result {
    certificate.withCString { certificate in
      key.withCString { key in
        var output = jw_ca_output(certificate_file: certificate, key_file: key, force: force)
        return body(&output)
      }
    }
  }

  func issue(_ use: jw_ca_use, commonName: String, hosts: [String]) throws {
    var pointers: [UnsafePointer<CChar>?] = hosts.map { UnsafePointer(strdup($0)) }
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    pointers.append(nil)
    try CertificateError.check { error in
      "\(directory)/ca.crt".withCString { authority in
        "\(directory)/ca.key".withCString { authorityKey in
          commonName.withCString { name in
            pointers.withUnsafeBufferPointer { list in
              var request = jw_ca_request(
                ca_certificate_file: authority, ca_key_file: authorityKey, use: use, common_name: name,
                hosts: hosts.isEmpty ? nil : list.baseAddress, not_before_s: -300,
                not_after_s: Int(days) * 86_400)
              return withOutput { jw_ca_issue(&request, $0, error) }
            }
          }
        }
      }
    }
  }

  func report(next: String) throws {
    try Terminal.print("wrote \(certificate)\nwrote \(key)\nnext: \(next)\n")
  }
}

private struct CertificateError: Error, CustomStringConvertible {
  let description: String

  static func check(_ body: (UnsafeMutablePointer<CChar>) -> Bool) throws(CertificateError) {
    var text = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    guard text.withUnsafeMutableBufferPointer({ body($0.baseAddress!) }) else {
      throw CertificateError(
        description: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
  }
}
