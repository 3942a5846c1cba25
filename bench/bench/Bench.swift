import Glibc

/// What all sections share: where things are, how much is measured, what was found.
final class Bench {
  struct Options {
    var quick = false
    var rounds = 5
    /// Compare with OpenSSH, where sshd is installed.
    var ssh = true
    var only: [String] = []
    /// Holds the daemon's state and the files of the baselines: all on one file system.
    var scratch = ""
    var results = "bench/results"
  }

  let options: Options
  let programs: String
  let pki: Pki
  private(set) var rows: [Row] = []
  private(set) var plots: [Plot] = []

  init(_ options: Options) throws {
    self.options = options
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    programs = String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
    // The run's own: it removes it.
    try Files.makeDirectory(options.scratch)
    pki = try Pki(directory: "\(options.scratch)/pki", jobctl: "\(programs)/jobctl")
  }

  var rounds: Int { options.rounds }
  /// How long a round of one load lasts, in a quick run the shorter one.
  func span(_ full: Double, quick: Double) -> Double { options.quick ? quick : full }
  func path(_ name: String) -> String { "\(options.scratch)/\(name)" }

  /// Measures a section, unless others were asked for. A failure ends the section, not the others.
  /// `always`: also when none is asked for.
  func section(_ name: String, _ title: String, always: Bool = true, _ body: () throws -> [Row]) {
    guard options.only.contains(name) || options.only.isEmpty && always else { return }
    let start = Clock.now
    say("- \(title) ...")
    do {
      for var row in try body() {
        row.section = title
        rows.append(row)
      }
      say(" \((Clock.now - start).fixed(0)) s\n")
    } catch {
      say(" FAILED: \(error)\n")
      var row = Row.failed(title, error)
      row.section = title
      rows.append(row)
    }
  }

  func add(_ plot: Plot) { plots.append(plot) }

  /// Runs both sides once a round, each first in every other one.
  func interleaved<A, B>(
    most: Int = .max, _ one: () throws -> A, _ other: () throws -> B
  ) throws -> (ones: [A], others: [B]) {
    var ones: [A] = []
    var others: [B] = []
    for round in 0..<min(rounds, most) {
      if round % 2 == 0 { ones.append(try one()) }
      others.append(try other())
      if round % 2 == 1 { ones.append(try one()) }
    }
    return (ones, others)
  }

  func load(_ mode: String, _ server: any Server, _ options: [String] = []) throws -> Load {
    let child = try startLoad(mode, server, options)
    child.closeInput()
    return try finishLoad(child)
  }

  /// One that goes on until ``finishLoad(_:)``.
  func startLoad(
    _ mode: String, _ server: any Server, _ options: [String] = [], as client: Pki.Client = Pki.bench
  ) throws -> Child {
    let pids = server.pids.flatMap { ["--pid", "\($0)"] }
    return try Child(
      ["\(programs)/loadgen", mode, "--port", "\(server.port)"] + pki.loadOptions(of: client) + pids + options
    )
  }

  func finishLoad(_ child: Child) throws -> Load {
    let text = child.read()
    guard child.wait().status == 0 else { throw BenchFailure("\(child.name) failed") }
    return try decode(Load.self, text, of: child.name)
  }

  /// Ends one that has told what it measured and holds what it has until its standard input ends.
  func release(_ child: Child) throws {
    child.closeInput()
    _ = child.read()
    guard child.wait().status == 0 else { throw BenchFailure("\(child.name) failed") }
  }

  func baseline<Value: Decodable>(_ type: Value.Type, _ arguments: String...) throws -> Value {
    let text = try Child.run(["\(programs)/baseline"] + arguments).text
    return try decode(type, text, of: "baseline \(arguments[0])")
  }
}
