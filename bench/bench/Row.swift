/// What a figure is to be.
enum Goal: Codable {
  case atLeast(Double)
  case atMost(Double)
  /// That it went without an error.
  case holds
  /// Nothing: it explains another row.
  case none

  var text: String {
    switch self {
    case .atLeast(let limit): ">= \(limit.text)"
    case .atMost(let limit): "<= \(limit.text)"
    case .holds: "holds"
    case .none: ""
    }
  }

  func isMet(by value: Double) -> Bool? {
    switch self {
    case .atLeast(let limit): value >= limit
    case .atMost(let limit): value <= limit
    case .holds: true
    case .none: nil
    }
  }
}

/// A line of the table.
struct Row: Codable {
  var section: String
  var figure: String
  /// The figure's unit, of `values` and `baselines`; the ratio has none.
  var unit: String
  /// One a round.
  var values: [Double]
  /// What the baseline did in the same rounds; empty when the goal is a value of its own.
  var baseline: String
  var baselines: [Double]
  var goal: Goal
  var note: String
  var failure: String?

  init(
    _ figure: String, unit: String, _ values: [Double], over baseline: String = "",
    _ baselines: [Double] = [],
    goal: Goal, note: String = ""
  ) {
    section = ""
    (self.figure, self.unit, self.values) = (figure, unit, values)
    (self.baseline, self.baselines, self.goal, self.note) = (baseline, baselines, goal, note)
  }

  /// A section that could not be measured.
  static func failed(_ section: String, _ error: any Error) -> Row {
    var row = Row(section, unit: "", [], goal: .holds)
    row.failure = "\(error)"
    return row
  }

  /// What the goal is about, one a round: the ratio where there is a baseline.
  var measures: [Double] {
    baselines.isEmpty ? values : zip(values, baselines).map { $1 == 0 ? .infinity : $0 / $1 }
  }
  var measure: Double { measures.median }
  var isMet: Bool? { failure != nil ? false : goal.isMet(by: measure) }

  var verdict: String {
    if failure != nil { return "FAILED" }
    switch isMet {
    case true?: return "pass"
    case false?: return "MISS"
    case nil: return ""
    }
  }
}

/// A picture of the report.
struct Plot: Codable {
  struct Series: Codable {
    var name: String
    var points: [[Double]]
  }
  enum Axis: String, Codable { case linear, logarithmic, share }

  var title: String
  var x: String
  var y: String
  var xAxis: Axis
  var yAxis: Axis
  var series: [Series]

  /// How long what share of the requests took.
  static func latency(_ title: String, _ series: [(String, Latency)]) -> Plot {
    Plot(
      title: title, x: "share of requests", y: "latency, us", xAxis: .share, yAxis: .logarithmic,
      series: series.map { Series(name: $0.0, points: $0.1.points.map { [$0[1], $0[0]] }) })
  }
}
