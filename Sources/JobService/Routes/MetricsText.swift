/// Metrics in Prometheus' text exposition format, version 0.0.4. Names of counters, and no others, end with `_total`.
struct MetricsText {
  private(set) var text = ""

  /// One metric with all its series, which have at most one label each.
  mutating func add(_ name: String, _ help: String, label: String, _ series: [(String, UInt64)]) {
    head(name, help)
    for (value, number) in series { text += "\(name){\(label)=\"\(Self.escape(value))\"} \(number)\n" }
  }

  mutating func add(_ name: String, _ help: String, _ number: UInt64) {
    head(name, help)
    text += "\(name) \(number)\n"
  }

  /// A time in microseconds since 1970, as seconds.
  mutating func add(_ name: String, _ help: String, microseconds: UInt64) {
    head(name, help)
    let fraction = String(microseconds % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - fraction.count)
    text += "\(name) \(microseconds / 1_000_000).\(zeros)\(fraction)\n"
  }

  private mutating func head(_ name: String, _ help: String) {
    let kind = name.hasSuffix("_total") ? "counter" : "gauge"
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  private static func escape(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
