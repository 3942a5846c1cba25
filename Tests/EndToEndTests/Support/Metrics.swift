import Harness
import Testing

/// What a daemon counted, as it was at one time.
struct Metrics {
  private let values: [Substring: Double]

  init(_ daemon: Daemon, as client: String = "alice") throws {
    let reply = try daemon.curl("GET", "/metrics", as: client)
    try #require(reply.status == 200)
    let lines = reply.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    values = Dictionary(
      uniqueKeysWithValues: try lines.map { line in
        let space = try #require(line.lastIndex(of: " "))
        return (line[..<space], try #require(Double(line[line.index(after: space)...])))
      })
  }

  /// By name and labels as they are written, such as `jobd_http_requests_total{code="200"}`; 0 when there is none.
  subscript(series: Substring) -> Double { values[series] ?? 0 }
}

extension Daemon {
  /// How much a counter grew meanwhile.
  func growth(of series: Substring, _ body: () throws -> Void) throws -> Double {
    let before = try Metrics(self)[series]
    try body()
    return try Metrics(self)[series] - before
  }
}
