import Glibc

do {
  let bench = try Bench(parse(Array(CommandLine.arguments.dropFirst())))
  bench.section("jobs", "Jobs", bench.jobRows)
  bench.section("create", "Create", bench.createRows)
  bench.section("status", "Status", bench.statusRows)
  bench.section("handshake", "Handshakes", bench.handshakeRows)
  bench.section("drain", "Drain", bench.drainRows)
  bench.section("download", "Output to a client", bench.downloadRows)
  bench.section("memory", "Memory", bench.memoryRows)
  bench.section("command", "The command line", bench.commandRows)
  bench.section("growth", "Growth", bench.growthRows)
  bench.section("followers", "Followers", bench.followerRows)
  for row in bench.rows {
    print(row.figure, row.values.map(\.text), row.baselines.map(\.text), row.measure.text, row.verdict)
  }
  try Files.remove(bench.options.scratch)
} catch {
  say("bench: \(error)\n", to: STDERR_FILENO)
  exit(1)
}

func parse(_ arguments: [String]) throws -> Bench.Options {
  var options = Bench.Options()
  options.scratch = "/tmp/jobd-bench.\(getpid())"
  var rest = arguments[...]
  func value(_ name: String) throws -> String {
    guard let value = rest.popFirst() else { throw BenchFailure("\(name) needs a value") }
    return value
  }
  while let name = rest.popFirst() {
    switch name {
    case "--quick": (options.quick, options.rounds) = (true, 2)
    case "--no-ssh": options.ssh = false
    case "--rounds": options.rounds = Int(try value(name)) ?? 0
    case "--only": options.only = try value(name).split(separator: ",").map(String.init)
    case "--scratch": options.scratch = try value(name)
    case "--results": options.results = try value(name)
    default:
      throw BenchFailure(
        "usage: bench [--quick] [--rounds N] [--no-ssh] [--only SECTION,...] [--scratch DIR] [--results DIR]")
    }
  }
  guard options.rounds > 0 else { throw BenchFailure("--rounds is to be 1 or more") }
  return options
}
