import CJobWire
import Glibc
import Harness

/// What a function of CJobWire said when it failed.
struct Failure: Error, CustomStringConvertible {
  let description: String
}

/// A certificate and its key, as files.
struct Identity: Sendable {
  let certificate, key: String
}

/// An authority in a directory that goes with it.
final class Pki: Sendable {
  struct Request {
    var use = JW_CA_CLIENT
    var name = "alice"
    var hosts: [String]?
    var begins = -60
    var ends = 3600
  }

  let directory: String
  let authority: Identity

  init(_ name: String = "test authority", days: UInt32 = 2) throws {
    var template = Array("/tmp/jobd-wire-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp: \(errno)") }
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    authority = Identity(certificate: directory + "/ca.crt", key: directory + "/ca.key")
    try Self.create(name, days: days, authority)
  }

  deinit {
    for name in Self.list(directory) {
      unlink("\(directory)/\(name)")
      rmdir("\(directory)/\(name)")
    }
    rmdir(directory)
  }

  static func create(_ name: String, days: UInt32, _ files: Identity, force: Bool = false) throws {
    try call(files, force) { output, error in jw_ca_create(name, days, output, error) }
  }

  func issue(_ request: Request, _ files: Identity, by issuer: Identity? = nil, force: Bool = false) throws {
    let issuer = issuer ?? authority
    let hosts = request.hosts ?? []
    try Self.call(files, force) { output, error in
      withStrings([issuer.certificate, issuer.key, request.name] + hosts) { strings in
        Array(strings[3...] + [nil]).withUnsafeBufferPointer { list in
          var raw = jw_ca_request(
            authority: .init(certificate_file: strings[0]!, key_file: strings[1]!, passphrase: nil),
            use: request.use, common_name: strings[2]!, hosts: request.hosts == nil ? nil : list.baseAddress,
            signing_request_file: nil, not_before_s: request.begins, not_after_s: request.ends)
          return jw_ca_issue(&raw, output, error)
        }
      }
    }
  }

  func place(_ name: String) -> Identity {
    Identity(certificate: "\(directory)/\(name).crt", key: "\(directory)/\(name).key")
  }

  func client(_ name: String = "alice", begins: Int = -60, ends: Int = 3600) throws -> Identity {
    let files = place(name)
    try issue(Request(name: name, begins: begins, ends: ends), files, force: true)
    return files
  }

  func server(_ hosts: String..., begins: Int = -60, ends: Int = 3600) throws -> Identity {
    let files = place("server-of-\(hosts[0].filter { $0 != ":" })")
    let request = Request(use: JW_CA_SERVER, name: "server", hosts: hosts, begins: begins, ends: ends)
    try issue(request, files, force: true)
    return files
  }

  private static func call(
    _ files: Identity, _ force: Bool,
    _ body: (UnsafePointer<jw_ca_output>, UnsafeMutablePointer<CChar>) -> Bool
  ) throws {
    var error = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    let done = withStrings([files.certificate, files.key]) { strings in
      var output = jw_ca_output(
        certificate_file: strings[0]!, key_file: strings[1]!, passphrase: nil, records: nil, bundle_file: nil,
        bundle_password: nil, force: force)
      return body(&output, &error)
    }
    guard done else { throw Failure(description: text(error)) }
  }

  static func list(_ directory: String) -> [String] { Files.list(directory).sorted() }
}

func text(_ characters: [CChar]) -> String {
  String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Copies of the strings that live as long as `body` runs.
func withStrings<Result>(
  _ strings: [String], _ body: ([UnsafePointer<CChar>?]) throws -> Result
) rethrows -> Result {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return try body(copies.map { UnsafePointer($0) })
}
