import Harness

/// What a run is told: how long, how many disturbances, which seed.
struct Options {
  /// Time under load; the disturbances may take longer.
  var seconds = 0.0
  var clients = 16
  /// Disturbances of each kind.
  var counts: [Disturbance: Int] = [:]
  /// Longest pause between two of them, in milliseconds.
  var pause = 1500
  /// Jobs are in cgroups, where that is possible.
  var cgroup = true
  /// Jobs of a client that run at once; others wait. 0: as many as there are.
  var slots = 0
  /// Past this the run has failed.
  var mostSeconds = 3600.0
  var seed = UInt64.random(in: 0...UInt64.max)

  /// What the daemon is told besides: nothing is to be refused for a limit, what is kept up to a bound is to reach that
  /// soon, and what hangs is not to be waited for.
  var daemon: [String] {
    var options = ["--client-create-rate", "1000000", "--session-cache", "200", "--cgroup", "\(cgroup)"]
    if slots > 0 { options += ["--client-running-jobs", "\(slots)"] }
    if counts[.supervisorStop] != nil || counts[.apiStop] != nil { options += ["--watchdog-time", "2s"] }
    return options
  }

  /// Seconds between two looks at what the processes hold.
  var sampleEvery: Double { seconds > 0 ? min(10, max(1, seconds / 12)) : 10 }

  struct UsageError: Error, CustomStringConvertible {
    let description: String
  }

  static let usage = """
    usage: soak [--seconds N] [--clients N] [--api-kills N] [--reloads N] [--upgrades N] [--bad-upgrades N]
                [--upgrade-kills N] [--supervisor-kills N] [--supervisor-stops N] [--api-stops N] [--pause MILLISECONDS]
                [--slots N] [--most-seconds N] [--cgroup 0|1] [--seed N]
    """

  init(_ arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst().flatMap({ UInt64($0) }) else {
        throw UsageError(description: Self.usage)
      }
      try set(name, value)
    }
  }

  private mutating func set(_ name: String, _ value: UInt64) throws(UsageError) {
    if let kind = Disturbance.allCases.first(where: { "--\($0.rawValue)s" == name }) {
      counts[kind] = Int(value)
      return
    }
    switch name {
    case "--seconds": seconds = Double(value)
    case "--clients": clients = Int(value)
    case "--pause": pause = Int(value)
    case "--slots": slots = Int(value)
    case "--most-seconds": mostSeconds = Double(value)
    case "--cgroup": cgroup = value != 0
    case "--seed": seed = value
    default: throw UsageError(description: Self.usage)
    }
  }
}
