import FoundationEssentials
import Glibc
import Harness
import Testing

/// A program of somebody else's that uses the library: a fresh package, which depends on this one by its path and
/// imports JobPool alone.
@Suite struct LibraryTests {
  private let manifest = """
    // swift-tools-version: 6.0
    import PackageDescription

    let package = Package(
      name: "fresh",
      dependencies: [.package(name: "jobd", path: "\(Files.repository)")],
      targets: [
        .executableTarget(name: "fresh", dependencies: [.product(name: "JobPool", package: "jobd")])
      ])
    """

  private let program = """
    import Glibc
    import JobPool

    let evaluations: [JobPool.Evaluation] = [.lazy, .eager]
    for evaluation: JobPool.Evaluation in evaluations {
      let pool: JobPool = try JobPool(
        directory: CommandLine.arguments[1], evaluation: evaluation, outputLimit: 1024)
      let id: JobID = try pool.create("sh", arguments: ["-c", "echo out; echo err >&2; exit 3"])
      var status: JobStatus = try pool.status(id)
      while status.state == JobState.running {
        usleep(1000)
        status = try pool.status(id)
      }
      let (state, error): (JobState, String?) = (status.state, status.error)
      let (code, signal): (Int32?, Int32?) = (status.exitCode, status.signal)
      let output: JobOutput = try pool.output(id)
      let (stdout, stderr): ([UInt8], [UInt8]) = (output.stdout, output.stderr)
      print(evaluation, state, error ?? "-", code ?? -1, signal ?? -1, stdout, stderr, output.isTruncated)
      try pool.delete(id)
      let again: JobID? = JobID("\\(id)")
      do throws(JobPoolError) { _ = try pool.status(again!) } catch { print(error == JobPoolError.notFound) }
    }
    """

  @Test func oneImportIsEnough() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let package = "\(scratch.path)/fresh"
    for directory in ["", "/Sources", "/Sources/fresh"] { mkdir(package + directory, 0o755) }
    try Files.write(Array(manifest.utf8), to: "\(package)/Package.swift")
    try Files.write(Array(program.utf8), to: "\(package)/Sources/fresh/main.swift")
    let manager = SwiftPackageManager(scratch: scratch, package: package)
    let graphs = "\(scratch.path)/graphs"
    mkdir(graphs, 0o755)
    let options = ["-emit-symbol-graph", "-emit-symbol-graph-dir", graphs].flatMap { ["-Xswiftc", $0] }
    let built = try manager.run("build", options)
    try #require(built.status == 0, "\(built.text)\(built.errorText)")

    let run = try Running(
      "\(manager.products)/fresh", ["\(scratch.path)/jobs"], directory: scratch
    ).wait()
    let result = "completed - 3 -1 [111, 117, 116, 10] [101, 114, 114, 10] false\ntrue\n"
    #expect((run.status, run.errorText) == (0, ""))
    #expect(run.text == "lazy \(result)eager \(result)")

    // Whatever is or comes into the interface: as the compiler tells it.
    let graph = try JSONDecoder().decode(
      SymbolGraph.self, from: Data(Files.read("\(graphs)/JobPool.symbols.json")))
    let types = graph.types
    #expect(types.isSuperset(of: ["JobID", "JobState", "JobPool.Evaluation"]))
    let named =
      "import JobPool\n\nlet types: [Any.Type] = [\(types.map { "\($0).self" }.joined(separator: ", "))]\n"
    try Files.write(Array(named.utf8), to: "\(package)/Sources/fresh/types.swift")
    let naming = try manager.run("build", options)
    #expect(naming.status == 0, "\(naming.text)\(naming.errorText)")
  }
}

/// What the compiler tells of a module's public interface.
private struct SymbolGraph: Decodable {
  struct Symbol: Decodable {
    struct Identifier: Decodable { let precise: String }
    struct Fragment: Decodable {
      let spelling: String
      let preciseIdentifier: String?
    }
    let identifier: Identifier
    let pathComponents: [String]
    let declarationFragments: [Fragment]
  }
  let symbols: [Symbol]

  /// The types that the declarations speak of, but the standard library's: those have names that begin otherwise.
  var types: Set<String> {
    let paths = Dictionary(
      symbols.map { ($0.identifier.precise, $0.pathComponents.joined(separator: ".")) },
      uniquingKeysWith: { $1 })
    let used = symbols.flatMap(\.declarationFragments).compactMap { fragment -> String? in
      guard let precise = fragment.preciseIdentifier, precise.dropFirst(2).first?.isNumber == true else {
        return nil
      }
      return paths[precise] ?? fragment.spelling
    }
    return Set(used)
  }
}
