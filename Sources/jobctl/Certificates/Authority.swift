import CJobWire
import FoundationEssentials
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
  /// A copy of it: what was revoked stays so, whatever becomes of the list.
  var revocationsRecord: String { "\(records)/ca.crl" }

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
  func sign(
    knowing passphrase: Passphrase? = nil, _ body: (jw_ca_authority, UnsafeMutablePointer<CChar>) -> Bool
  ) throws {
    try check()
    let passphrase = try passphrase ?? KeyPassphrase.of(key, passphraseSource)
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

extension Authority {
  /// Adds to the list of what is revoked, which is made where there is none.
  func revoke(_ serials: [String], _ reason: Int32 = 0, knowing passphrase: Passphrase? = nil) throws {
    try FileManager.default.createDirectory(at: URL(filePath: records), withIntermediateDirectories: true)
    try sign(knowing: passphrase) { raw, error in
      withUnsafePointer(to: raw) { raw in
        withCStrings(serials) { serials in
          withCStrings([revocations, revocationsRecord]) { files in
            jw_ca_revoke(raw, files[0]!, files[1]!, serials, reason, error)
          }
        }
      }
    }
  }

  /// A list of the authority before would have all clients of this one refused, and a daemon that uses it does not go on
  /// without one.
  func renewRevocations(_ passphrase: Passphrase?) throws {
    var isMoved = false
    for list in [revocations, revocationsRecord] {
      guard rename(list, "\(list).old") != 0 else {
        isMoved = true
        continue
      }
      guard errno == ENOENT else {
        throw SystemError(errno, "move \(list), which is of the authority before, to \(list).old")
      }
    }
    guard isMoved else { return }
    try revoke([], knowing: passphrase)
    Terminal.complain("moved \(revocations), of the authority before, to ca.crl.old, and began another")
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
