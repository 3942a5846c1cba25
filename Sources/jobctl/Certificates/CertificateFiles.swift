import CJobWire
import FoundationEssentials
import Glibc
import JobClient
import Platform

/// A certificate and what goes with it on disk, and how they are made.
struct CertificateFiles {
  static func options(days standard: Int) -> [Option] {
    [
      Authority.directory,
      Option(
        "days", .number(1...Int(JW_CA_MOST_DAYS)),
        "How long it is valid: \(standard) if not given, \(JW_CA_MOST_DAYS) at most."),
      Option("force", "Replaces files that exist."), Authority.passphraseFile, .json,
    ]
  }

  static let daysOfAuthority = 3650
  static let daysOfOthers = 825
  /// For hosts whose clocks are behind.
  private static let begin = -300

  let authority: Authority
  let certificate: String
  /// Nil: it is its owner's, elsewhere.
  let key: String?
  /// Key, certificate and authority in one file.
  var bundle: (file: String, password: Passphrase)?
  private let days: UInt32
  private let invocation: Invocation

  init(
    _ invocation: Invocation, _ name: String, hasKey: Bool = true, days standard: Int = daysOfOthers
  ) {
    self.invocation = invocation
    authority = Authority(invocation)
    certificate = "\(authority.directory)/\(name).crt"
    key = hasKey ? "\(authority.directory)/\(name).key" : nil
    days = UInt32(invocation.number("days") ?? standard)
  }

  /// `passphrase`: of its key.
  func makeAuthority(commonName: String, _ passphrase: Passphrase?) throws {
    try FileManager.default.createDirectory(
      at: URL(filePath: authority.directory), withIntermediateDirectories: true)
    try CertificateError.check { error in
      withOutput(isRecorded: false, passphrase) { jw_ca_create(commonName, days, $0, error) }
    }
  }

  /// Signed by the authority of the same directory. `request`: whose key it is for; nil: a new one.
  func issue(_ use: jw_ca_use, commonName: String, hosts: [String], request: String? = nil) throws {
    try authority.sign { authority, error in
      withCStrings([commonName]) { name in
        withCStrings(hosts) { list in
          withOptionalCString(request) { file in
            var request = jw_ca_request(
              authority: authority, use: use, common_name: name[0]!, hosts: hosts.isEmpty ? nil : list,
              signing_request_file: file, not_before_s: Self.begin, not_after_s: end)
            return withOutput { jw_ca_issue(&request, $0, error) }
          }
        }
      }
    }
  }

  /// As another one is, in `file`.
  func renew(_ file: String, isReplaced: Bool) throws {
    try authority.sign { authority, error in
      file.withCString { file in
        var renewal = jw_ca_renewal(
          authority: authority, certificate_file: file, not_before_s: Self.begin, not_after_s: end)
        return withOutput(isReplaced: isReplaced) { jw_ca_renew(&renewal, $0, error) }
      }
    }
  }

  private var end: Int { Int(days) * 86_400 }

  private func withOutput<Result>(
    isReplaced: Bool = false, isRecorded: Bool = true, _ passphrase: Passphrase? = nil,
    _ body: (UnsafePointer<jw_ca_output>) -> Result
  ) -> Result {
    withCStrings([certificate, key ?? "", authority.records, bundle?.file ?? ""]) { files in
      Passphrase.withCString(passphrase) { passphrase in
        Passphrase.withCString(bundle?.password) { password in
          var output = jw_ca_output(
            certificate_file: files[0]!, key_file: key == nil ? nil : files[1], passphrase: passphrase,
            records: isRecorded ? files[2] : nil, bundle_file: bundle == nil ? nil : files[3],
            bundle_password: password, force: isReplaced || invocation.has("force"))
          return body(&output)
        }
      }
    }
  }

  /// `next`: what to type next, with the same directory.
  func report(next: String) throws {
    let written =
      [("certificate", certificate)]
      + [("key", key), ("pkcs12", bundle?.file)].compactMap {
        name, file in file.map { (name, $0) }
      }
    if invocation.wantsJSON {
      return try Terminal.print(json: Dictionary(uniqueKeysWithValues: written))
    }
    try Terminal.print(written.map { "wrote \($1)\n" }.joined() + "next: \(next)\n")
  }
}

extension Invocation {
  /// What cannot be in a certificate is a mistake of the command line. `spelling`: of the option or operand.
  func check(
    _ spelling: String, _ text: String,
    _ body: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>) -> Bool = jw_ca_check_name
  ) throws(UsageError) {
    do {
      try CertificateError.check { body(text, $0) }
    } catch {
      throw usage("\(spelling): \(error)")
    }
  }

  /// The first operand as a common name; `file`: the name of the files.
  func checkName(file: String? = nil, taken: [String]) throws(UsageError) {
    try check("NAME", arguments[0])
    try checkFile(file ?? arguments[0], taken: taken)
  }

  /// `taken`: names of other files.
  func checkFile(_ name: String, taken: [String]) throws(UsageError) {
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
      throw usage("\"\(name)\" cannot be the name of a file")
    }
    guard !taken.contains(name) else { throw usage("\"\(name)\" is the name of other files here") }
  }
}
