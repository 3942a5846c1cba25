import Glibc
import Harness
import Testing

/// The privilege boundary is the compiler's: what starts processes has no name in the api process, neither in Swift nor
/// in C. Shown with code that must not be compiled there, and is where it belongs.
@Suite(.serialized) struct BoundaryTests {
  /// A copy of the package to break rules in. Of the api process's code there is a probe alone.
  private struct Copy {
    let manager: SwiftPackageManager
    private let flags: [String]
    var path: String { manager.package }

    init(_ scratch: Scratch) throws {
      manager = SwiftPackageManager(scratch: scratch, package: "\(scratch.path)/copy")
      let script = """
        cd "$2" && mkdir "$1" && cp -r Package.swift Sources "$1" && ln -s "$PWD/Tests" "$PWD/bench" "$1" &&
        rm -r "$1/Sources/JobService" && mkdir "$1/Sources/JobService"
        """
      let copied = try Running(
        "sh", ["-c", script, "sh", manager.package, Files.repository], directory: scratch
      ).wait()
      try #require(copied.status == 0, "\(copied.errorText)")
      // Those of every build of this package: a target that was not declared to be needed is an error by one of them.
      let makefile = Files.text("\(Files.repository)/Makefile").split(separator: "\n")
      let line = try #require(makefile.first { $0.hasPrefix("FLAGS := ") })
      flags = line.split(separator: " ").dropFirst(2).map(String.init)
    }

    func write(_ text: String, to file: String) throws {
      try Files.write(Array(text.utf8), to: "\(path)/\(file)")
    }

    func build(_ target: String) throws -> Finished {
      try manager.run("build", ["--target", target] + flags)
    }

    /// What the build of a target says that must not succeed.
    func refusal(of target: String) throws -> String {
      let built = try build(target)
      #expect(built.status != 0, "\(target)")
      return built.text + built.errorText
    }
  }

  private let swift = "Sources/JobService/Probe.swift"
  private let c = "Sources/CJobCore/http/probe.c"

  private func headers(of room: String) -> [String] {
    Files.list("\(Files.repository)/Sources/CJobCore/\(room)/include/jobcore").sorted()
  }

  /// The functions that the engine's headers declare.
  private func functions() -> [String] {
    headers(of: "engine").flatMap { header in
      Files.text("\(Files.repository)/Sources/CJobCore/engine/include/jobcore/\(header)").matches(
        of: /\b(jc_[a-z_]+)\(/
      ).map { String($0.1) }
    }
  }

  private func imports(_ modules: [String]) -> String { modules.map { "import \($0)\n" }.joined() }
  private func includes(_ room: String) -> String {
    headers(of: room).map { "#include <jobcore/\($0)>\n" }.joined()
  }

  @Test func whatStartsProcessesHasNoNameInTheApiProcess() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let copy = try Copy(scratch)
    let manifest = try Manifest.shared.get()
    let needs = try #require(manifest.targets.first { $0.name == "JobService" }).needs
    let names = functions()
    try #require(names.contains("jc_job_start"))
    let naming = "func probe() {\n" + names.map { "  _ = \($0)\n" }.joined() + "}\n"

    // All that the api process may name is compiled.
    try copy.write(imports(needs) + "func probe() { _ = jc_loop_new }\n", to: swift)
    try copy.write(includes("http") + includes("loop"), to: c)
    let allowed = try copy.build("JobService")
    try #require(allowed.status == 0, "\(allowed.text)\(allowed.errorText)")

    for module in ["JobSupervisor", "JobEngine", "JobPool", "CJobEngine", "CJobSeal"] {
      try copy.write(imports(needs + [module]), to: swift)
      #expect(try copy.refusal(of: "JobService").contains("JobService imports another target (\(module))"))
    }
    try copy.write(imports(needs) + naming, to: swift)
    let refusal = try copy.refusal(of: "JobService")
    let found = names.filter { !refusal.contains("error: cannot find '\($0)' in scope") }
    #expect(found.isEmpty, "\(refusal)")
    for header in headers(of: "engine") {
      try copy.write("#include <jobcore/\(header)>\n", to: c)
      #expect(try copy.refusal(of: "CJobHTTP").contains("'jobcore/\(header)' file not found"))
    }

    // The same is where it belongs.
    try copy.write(includes("engine"), to: "Sources/CJobCore/engine/probe.c")
    try copy.write("import CJobEngine\n" + naming, to: "Sources/JobEngine/Probe.swift")
    let engine = try copy.build("JobEngine")
    #expect(engine.status == 0, "\(engine.text)\(engine.errorText)")
  }

  /// Nor is it called by a name that a file declares for itself: from the objects that jobd is linked of.
  @Test func noObjectOfTheApiProcessRefersToTheEngine() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let objects = Files.text("\(Programs.directory)/jobd.product/Objects.LinkFileList").split(separator: "\n")
    func symbols(_ kind: String, _ targets: Set<String>) throws -> Set<Substring> {
      let files = objects.filter { object in targets.contains { object.contains("/\($0).build/") } }
      let listed = try Running("nm", ["-j", "--\(kind)-only"] + files.map(String.init), directory: scratch)
        .wait()
      try #require(listed.status == 0, "\(listed.errorText)")
      return Set(listed.text.split(separator: "\n").filter { $0.hasPrefix("jc_") })
    }
    let engine = try symbols("defined", ["CJobEngine", "CJobSeal"])
    try #require(engine.isSuperset(of: ["jc_job_start", "jc_seal_open"]))
    #expect(try symbols("undefined", ["JobEngine"]).contains("jc_job_start"))
    let api = try symbols("undefined", Manifest.shared.get().reach(of: "JobService"))
    #expect(api.contains("jc_server_new"))
    #expect(api.isDisjoint(with: engine), "\(api.intersection(engine))")
  }
}
