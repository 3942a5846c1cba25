import Glibc

do {
  Machine.raiseDescriptorLimit()
  let bench = try Bench(parse(Array(CommandLine.arguments.dropFirst())))
  let machine = Machine.describe(bench)
  bench.section("jobs", "Jobs", bench.jobRows)
  bench.section("pool", "The library", bench.poolRows)
  bench.section("create", "Create", bench.createRows)
  bench.section("status", "Status", bench.statusRows)
  bench.section("handshake", "Handshakes", bench.handshakeRows)
  bench.section("drain", "Drain", bench.drainRows)
  bench.section("download", "Output to a client", bench.downloadRows)
  bench.section("memory", "Memory", bench.memoryRows)
  bench.section("command", "The command line", bench.commandRows)
  bench.section("batch", "Many commands", bench.batchRows)
  bench.section("input", "Input of a job", bench.inputRows)
  bench.section("build", "A build", bench.buildRows)
  bench.section("growth", "Growth", bench.growthRows)
  bench.section("queue", "Jobs that wait", bench.queueRows)
  bench.section("followers", "Followers", bench.followerRows)
  // Only root may trace a process that has given its rights away.
  if geteuid() == 0 { bench.section("calls", "System calls", bench.systemCallRows) }
  bench.section("hostile", "Hostile clients", bench.hostileRows)
  bench.section("runner", "Runners", always: false, bench.runnerRows)
  let report = Report(machine: machine, rows: bench.rows, plots: bench.plots)
  try Child.run(["mkdir", "-p", bench.options.results])
  try Files.write(try report.json(), to: "\(bench.options.results)/latest.json")
  try Files.write(Page(report: report).html(), to: "\(bench.options.results)/latest.html")
  say("\n" + report.table() + "\nwritten: \(bench.options.results)/latest.json and latest.html\n")
  try Files.remove(bench.options.scratch)
  // A goal that is missed is a result; what could not be measured is a failure.
  if bench.rows.contains(where: { $0.failure != nil }) { exit(1) }
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
