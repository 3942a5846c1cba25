import Platform

/// The environment that `--env` and `--env-file` give a job: as docker reads them.
enum JobVariables {
  /// Bytes of a file: a request holds no more.
  static let most = 8 << 20

  /// Nil: none is given.
  static func read(
    _ invocation: Invocation, own: [String: String] = Environment.all
  ) throws -> [String: String]? {
    guard invocation.has("env") || invocation.has("env-file") else { return nil }
    var variables: [String: String] = [:]
    func add(_ text: some StringProtocol) {
      let (name, value) = text.halves(at: "=")
      if let value = value ?? own[name] { variables[name] = value }
    }
    for path in invocation.all("env-file") {
      for line in try lines(of: path, invocation) { add(line) }
    }
    for text in invocation.all("env") { add(text) }
    return variables
  }

  /// Those that are neither empty nor comments, without space before the name. A value is taken as it is, quotes and
  /// space at its end too.
  private static func lines(of path: String, _ invocation: Invocation) throws -> [Substring] {
    let bytes = try SmallFile.read(path, most: most + 1)
    guard bytes.count <= most else { throw invocation.usage("\(path) is larger than an environment may be") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw invocation.usage("\(path) is not UTF-8")
    }
    var lines: [Substring] = []
    let all = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (number, scalars) in all.enumerated() {
      var line = scalars.drop { " \t".unicodeScalars.contains($0) || number == 0 && $0 == "\u{feff}" }
      if line.last == "\r" { line.removeLast() }
      guard let first = line.first, first != "#" else { continue }
      let name = line.prefix { $0 != "=" }
      guard !name.isEmpty, !name.contains(where: \.properties.isWhitespace) else {
        throw invocation.usage(
          "\(path), line \(number + 1): \"\(Text.printable(String(name)))\" must be NAME=VALUE or NAME")
      }
      lines.append(Substring(line))
    }
    return lines
  }
}
