import CJobWire
import Glibc
import JobClient
import Platform

/// The authority in a directory, and where it keeps what it signed and revoked.
struct Authority {
  static let directory = Option(
    "dir", .directory, "Where the files are; /etc/jobd/pki as root, else ~/.config/jobd/pki.")
  static let passphraseFile = Option(
    "passphrase-file", .file,
    "Has the passphrase of the authority's key as its first line; else the terminal is asked, if there is one."
  )

  let directory: String
  private let invocation: Invocation

  init(_ invocation: Invocation) {
    self.invocation = invocation
    directory = Path.absolute(invocation.value("dir") ?? Environment().keyDirectory)
  }

  var certificate: String { "\(directory)/ca.crt" }
  var key: String { "\(directory)/ca.key" }
  /// All that was issued, by serial: certificates whose files go elsewhere are known by it.
  var records: String { "\(directory)/issued" }
  var revocations: String { "\(directory)/ca.crl" }

  /// The option that names this directory, for the next command.
  var directoryOption: String { invocation.has("dir") ? " --dir \(Text.quote(directory))" : "" }
  var passphraseSource: KeyPassphrase.Source { .init(invocation, "passphrase-file") }

  func check() throws(CertificateError) {
    guard access(certificate, F_OK) == 0 || errno != ENOENT else {
      throw CertificateError(
        description:
          "there is no authority in \(directory): make one with \"jobctl ca init\(directoryOption)\"")
    }
  }

  /// With the key, for whose passphrase the terminal is asked where there is one.
  func sign(_ body: (jw_ca_authority, UnsafeMutablePointer<CChar>) -> Bool) throws {
    try check()
    let passphrase = try KeyPassphrase.of(key, passphraseSource)
    try CertificateError.check { error in
      withCStrings([certificate, key]) { texts in
        Passphrase.withCString(passphrase) { passphrase in
          body(
            jw_ca_authority(certificate_file: texts[0]!, key_file: texts[1]!, passphrase: passphrase), error)
        }
      }
    }
  }
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
