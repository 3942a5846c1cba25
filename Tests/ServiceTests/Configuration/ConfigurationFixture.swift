import Harness

@testable import JobModel

/// A configuration file that is there as long as this.
struct ConfigurationFixture {
  private let scratch: ScratchDirectory
  var path: String { "\(scratch.path)/jobd.json5" }

  init() throws { scratch = try ScratchDirectory() }

  /// What a daemon makes of this text.
  func load(_ text: String, _ arguments: [String] = []) throws -> ConfigurationLoader {
    try write(text, to: path)
    return try ConfigurationLoader(arguments: ["--config", path] + arguments, environment: [:])
  }

  /// What is wrong with it, without the file's name; "none".
  func failure(_ text: String) -> String {
    do {
      _ = try load(text)
      return "none"
    } catch {
      return "\(error)".replacing("\(path): ", with: "")
    }
  }
}
