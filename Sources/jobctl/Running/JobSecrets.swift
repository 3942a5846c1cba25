import Glibc
import Platform

/// The secrets that `--secret` and `--secret-file` give a job. None is ever a word of a command line.
enum JobSecrets {
  /// Nil: none is given.
  static func read(
    _ invocation: Invocation
  ) throws -> [String: String]? {
    guard invocation.has("secret") || invocation.has("secret-file") else { return nil }
    var secrets: [String: String] = [:]
    func add(_ name: String, _ value: String, _ option: String) throws {
      guard secrets.updateValue(value, forKey: name) == nil else {
        throw invocation.usage("\(option): the secret \"\(Text.printable(name))\" is given twice")
      }
    }
    for name in invocation.all("secret") {
      // As bytes: what is not UTF-8 would be another secret once it is a text.
      guard let value = getenv(name) else {
        let (variable, value) = name.halves(at: "=")
        guard value == nil else {
          throw invocation.usage(
            "--secret takes the name of a variable alone, \(Text.printable(variable)): a secret is no word of a command line; from a file it comes by --secret-file NAME=FILE"
          )
        }
        throw invocation.usage(
          "--secret: jobctl's environment has no variable \"\(Text.printable(variable))\"")
      }
      let bytes = UnsafeBufferPointer(start: value, count: strlen(value)).map { UInt8(bitPattern: $0) }
      try add(name, try text(bytes, "--secret: the variable \(name)", invocation), "--secret")
    }
    for text in invocation.all("secret-file") {
      let (name, path) = text.halves(at: "=")
      try add(name, try contents(of: path ?? "", invocation), "--secret-file")
    }
    return secrets
  }

  private static func contents(of path: String, _ invocation: Invocation) throws -> String {
    let bytes = try SmallFile.read(path, most: JobVariables.most + 1)
    guard bytes.count <= JobVariables.most else {
      throw invocation.usage("--secret-file: \(path) is larger than an environment may be")
    }
    return try text(bytes, "--secret-file: \(path)", invocation)
  }

  private static func text(_ bytes: [UInt8], _ what: String, _ invocation: Invocation) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw invocation.usage(
        "\(what) is not UTF-8, or holds a NUL character, which no variable can: encode it, as by base64")
    }
    return text
  }
}
