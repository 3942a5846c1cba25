import FoundationEssentials
import Glibc
import Harness

/// The toolchain on a package, without network, and beside a build of this one: nothing is shared with that, no lock is
/// waited for, and all that comes of it is in `scratch`.
struct SwiftPackageManager {
  let scratch: Scratch
  let package: String

  func run(_ command: String, _ arguments: [String]) throws -> Finished {
    let own = ["scratch", "cache", "config", "security"].flatMap {
      ["--\($0)-path", "\(scratch.path)/swiftpm/\($0)"]
    }
    // Tests with time limits run beside it.
    return try Running(
      "nice", ["swift", command, "--package-path", package] + own + arguments,
      environment: [
        "HOME": getenv("HOME").map { String(cString: $0) } ?? scratch.path, "TMPDIR": scratch.path,
      ], directory: scratch
    ).wait(seconds: 600)
  }

  /// Where what was built is.
  var products: String { "\(scratch.path)/swiftpm/scratch/debug" }
}

/// The targets of this package and what they depend on, as Package.swift says.
struct Manifest: Decodable {
  struct Target: Decodable {
    let name: String
    /// Each `{"byName": [NAME, null]}`.
    private let dependencies: [[String: [String?]]]
    var needs: [String] { dependencies.flatMap { $0.values.compactMap { $0[0] } } }
  }
  let targets: [Target]

  static let shared = Result {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let manager = SwiftPackageManager(scratch: scratch, package: Files.repository)
    let dump = try manager.run("package", ["dump-package"])
    return try JSONDecoder().decode(Manifest.self, from: Data(dump.output))
  }

  /// A target and all that is in its reach.
  func reach(of name: String) throws -> Set<String> {
    guard let target = targets.first(where: { $0.name == name }) else { throw NoSuchTarget(name: name) }
    return try target.needs.reduce(into: [name]) { try $0.formUnion(reach(of: $1)) }
  }

  private struct NoSuchTarget: Error { let name: String }
}
