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
  /// Past this the run has failed.
  var mostSeconds = 3600.0
  var seed = UInt64.random(in: 0...UInt64.max)

  /// Seconds between two looks at what the processes hold.
  var sampleEvery: Double { seconds > 0 ? min(10, max(1, seconds / 12)) : 10 }

  struct UsageError: Error, CustomStringConvertible {
    let description: String
  }

  static let usage = """
    usage: soak [--seconds N] [--clients N] [--api-kills N] [--reloads N] [--upgrades N] [--bad-upgrades N]
                [--supervisor-kills N] [--pause MILLISECONDS] [--most-seconds N] [--seed N]
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
    case "--most-seconds": mostSeconds = Double(value)
    case "--seed": seed = value
    default: throw UsageError(description: Self.usage)
    }
  }
}
