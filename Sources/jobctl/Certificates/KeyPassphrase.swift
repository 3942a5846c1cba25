import CJobWire
import Glibc
import JobClient
import Platform

/// Where passphrases come from: the terminal, or a file that an option names.
enum KeyPassphrase {
  static let allowed = "a passphrase has 1 to \(Passphrase.mostBytes) bytes, and no NUL"

  /// Of a key that is there. Nil: it is not encrypted, or cannot be read, which is for others to say.
  static func of(_ key: String, _ source: Source) throws -> Passphrase? {
    guard jw_ca_is_encrypted(key) else { return nil }
    return try source.file.map(read) ?? source.prompt(for: "\(key) is encrypted").ask("Passphrase of \(key)")
  }

  /// Of a file that is to be: asked for twice, since nobody sees what is typed.
  static func new(for file: String, _ source: Source) throws -> Passphrase {
    if let file = source.file { return try read(file) }
    let prompt = try source.prompt(for: "\(file) is to be encrypted")
    let first = try prompt.ask("New passphrase of \(file)")
    guard try prompt.ask("The same again") == first else {
      throw CertificateError(description: "the two were not the same")
    }
    return first
  }

  /// The first line of a file.
  private static func read(_ file: String) throws -> Passphrase {
    var bytes = try SmallFile.read(file, most: Passphrase.mostBytes + 1)
    defer {
      bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
    }
    guard let passphrase = Passphrase(bytes.prefix { $0 != UInt8(ascii: "\n") }) else {
      throw CertificateError(description: "the first line of \(file) is none: \(allowed)")
    }
    return passphrase
  }

  struct Source {
    /// Nil: the terminal is asked.
    let file: String?
    /// What to do where there is no terminal.
    let otherwise: String

    /// `option`: that names the file.
    init(_ invocation: Invocation, _ option: String) {
      (file, otherwise) = (invocation.value(option), "name a file whose first line it is with --\(option)")
    }

    static let terminal = Source(
      file: nil, otherwise: "use a key that is not encrypted, which only you can read")

    private init(file: String?, otherwise: String) { (self.file, self.otherwise) = (file, otherwise) }

    fileprivate func prompt(for reason: String) throws(CertificateError) -> PassphrasePrompt {
      let isOff = Environment()["JOBCTL_PROMPT"] == "off"
      if !isOff, let prompt = PassphrasePrompt() { return prompt }
      let why = isOff ? "JOBCTL_PROMPT is off" : "there is no terminal to ask for its passphrase"
      throw CertificateError(description: "\(reason), and \(why): \(otherwise)")
    }
  }
}
