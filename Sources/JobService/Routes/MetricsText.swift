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
    text += "\(name) \(Self.seconds(microseconds))\n"
  }

  /// A histogram of times: how many are in each class, of which the last has no `limits`, in microseconds.
  mutating func add(_ name: String, _ help: String, limits: [UInt64], classes: [UInt64], sum: UInt64) {
    head(name, help, "histogram")
    var count: UInt64 = 0
    for (index, number) in classes.enumerated() {
      count += number
      let limit = index < limits.count ? Self.seconds(limits[index]) : "+Inf"
      text += "\(name)_bucket{le=\"\(limit)\"} \(count)\n"
    }
    text += "\(name)_sum \(Self.seconds(sum))\n\(name)_count \(count)\n"
  }

  private static func seconds(_ microseconds: UInt64) -> String {
    let fraction = String(microseconds % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - fraction.count)
    return "\(microseconds / 1_000_000).\(zeros)\(fraction)"
  }

  private mutating func head(_ name: String, _ help: String, _ kind: String? = nil) {
    let kind = kind ?? (name.hasSuffix("_total") ? "counter" : "gauge")
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  private static func escape(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
