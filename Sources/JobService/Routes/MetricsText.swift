/// Metrics in Prometheus' text exposition format, version 0.0.4.
struct MetricsText {
  private(set) var text = ""

  enum Kind: String {
    case counter, gauge
  }

  /// One metric with all its series, which have at most one label each.
  mutating func add(
    _ name: String, _ kind: Kind, _ help: String, label: String, _ series: [(String, UInt64)]
  ) {
    head(name, kind, help)
    for (value, number) in series { text += "\(name){\(label)=\"\(Self.escape(value))\"} \(number)\n" }
  }

  mutating func add(_ name: String, _ kind: Kind, _ help: String, _ number: UInt64) {
    head(name, kind, help)
    text += "\(name) \(number)\n"
  }

  /// A time in microseconds since 1970, as seconds.
  mutating func add(_ name: String, _ help: String, microseconds: UInt64) {
    head(name, .gauge, help)
    let fraction = String(microseconds % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - fraction.count)
    text += "\(name) \(microseconds / 1_000_000).\(zeros)\(fraction)\n"
  }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private static func escape(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
