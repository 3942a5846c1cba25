import FoundationEssentials

/// All that a run found, as it is written.
struct Report: Codable {
  var machine: [[String]]
  var rows: [Row]
  var plots: [Plot]

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }

  /// The machine and the table in Markdown, which reads well on a terminal too.
  func table() -> String {
    var text = machine.map { "\($0[0]): \($0[1])\n" }.joined() + "\n"
    let header = ["figure", "value", "baseline", "ratio (spread)", "goal", ""]
    let lines = [header] + rows.map(cells)
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    for (index, line) in lines.enumerated() {
      text += "| " + zip(line, widths).map { $0.padded(to: $1) }.joined(separator: " | ") + " |\n"
      if index == 0 {
        text += "| " + widths.map { String(repeating: "-", count: $0) }.joined(separator: " | ") + " |\n"
      }
    }
    return text + notes()
  }

  private func notes() -> String {
    let noted = rows.filter { !$0.note.isEmpty || $0.failure != nil }
    return noted.isEmpty ? "" : "\n" + noted.map { "- \($0.figure): \($0.failure ?? $0.note)\n" }.joined()
  }

  func cells(_ row: Row) -> [String] {
    let hasRatio = !row.baselines.isEmpty
    let baseline = hasRatio ? "\(row.baselines.median.text), \(row.baseline)" : ""
    let value = row.values.isEmpty ? "" : "\(row.values.median.text) \(row.unit)"
    return [row.figure, value, baseline, spread(row), row.goal.text, row.verdict]
  }

  private func spread(_ row: Row) -> String {
    let measures = row.measures
    guard let least = measures.min(), let most = measures.max() else { return "" }
    let range = measures.count > 1 ? " (\(least.text) to \(most.text))" : ""
    return row.baselines.isEmpty ? (range.isEmpty ? "" : String(range.dropFirst())) : row.measure.text + range
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
