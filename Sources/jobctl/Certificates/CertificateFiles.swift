import CJobWire
import FoundationEssentials
import Glibc
import Platform

/// A certificate and its key on disk, and how they are made.
struct CertificateFiles {
  static func options(days standard: Int) -> [Option] {
    [
      Option("dir", .directory, "Where the files are; /etc/jobd/pki as root, else ~/.config/jobd/pki."),
      Option(
        "days", .number(1...Int(JW_CA_MOST_DAYS)),
        "How long it is valid: \(standard) if not given, \(JW_CA_MOST_DAYS) at most."),
      Option("force", "Replaces files that exist."), .json,
    ]
  }

  static let daysOfAuthority = 3650
  static let daysOfOthers = 825

  let directory, certificate, key: String
  private let days: UInt32
  private let invocation: Invocation

  init(_ invocation: Invocation, _ name: String, days standard: Int = daysOfOthers) {
    self.invocation = invocation
    directory = Path.absolute(invocation.value("dir") ?? Environment().keyDirectory)
    certificate = "\(directory)/\(name).crt"
    key = "\(directory)/\(name).key"
    days = UInt32(invocation.number("days") ?? standard)
  }

  func makeAuthority(commonName: String) throws {
    try FileManager.default.createDirectory(at: URL(filePath: directory), withIntermediateDirectories: true)
    try CertificateError.check { error in withOutput { jw_ca_create(commonName, days, $0, error) } }
  }

  /// Signed by the authority of the same directory.
  func issue(_ use: jw_ca_use, commonName: String, hosts: [String]) throws {
    guard Glibc.access("\(directory)/ca.crt", F_OK) == 0 || errno != ENOENT else {
      throw CertificateError(
        description:
          "there is no authority in \(directory): make one with \"jobctl ca init\(directoryOption)\"")
    }
    try CertificateError.check { error in
      withCStrings(["\(directory)/ca.crt", "\(directory)/ca.key", commonName]) { texts in
        withCStrings(hosts) { list in
          var request = jw_ca_request(
            ca_certificate_file: texts[0]!, ca_key_file: texts[1]!, use: use, common_name: texts[2]!,
            hosts: hosts.isEmpty ? nil : list, not_before_s: -300, not_after_s: Int(days) * 86_400)
          return withOutput { jw_ca_issue(&request, $0, error) }
        }
      }
    }
  }

  private func withOutput<Result>(_ body: (UnsafePointer<jw_ca_output>) -> Result) -> Result {
    withCStrings([certificate, key]) { files in
      var output = jw_ca_output(
        certificate_file: files[0]!, key_file: files[1]!, force: invocation.has("force"))
      return body(&output)
    }
  }

  /// `next`: what to type next, with the same directory.
  func report(next: String) throws {
    if invocation.wantsJSON { return try Terminal.print(json: ["certificate": certificate, "key": key]) }
    try Terminal.print("wrote \(certificate)\nwrote \(key)\nnext: \(next)\n")
  }

  /// The option that names this directory, for the next command.
  var directoryOption: String { invocation.has("dir") ? " --dir \(Text.quote(directory))" : "" }
}

struct CertificateError: Error, CustomStringConvertible {
  let description: String

  static func check(_ body: (UnsafeMutablePointer<CChar>) -> Bool) throws(CertificateError) {
    var text = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    guard text.withUnsafeMutableBufferPointer({ body($0.baseAddress!) }) else {
      throw CertificateError(
        description: String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
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
}
