/// One HTML page that needs nothing else.
struct Page {
  let report: Report

  func html() -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>jobd benchmark</title>
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #222 }
    table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
    td, th { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top }
    .pass { color: #157f3b; font-weight: 600 } .MISS, .FAILED { color: #b3261e; font-weight: 600 }
    .note { color: #666; font-size: 13px } figure { display: inline-block; margin: .5rem }
    </style></head><body>
    <h1>jobd benchmark</h1>
    <table>\(report.machine.map { "<tr><th>\(Self.escape($0[0]))</th><td>\(Self.escape($0[1]))</td></tr>" }.joined())</table>
    <p>Each ratio is the median of its rounds, beside it the least and the most. A baseline is measured in the same
    rounds. Latencies count from when a request was to be sent.</p>
    \(sections())
    \(report.plots.map { Drawing(plot: $0).figure() }.joined(separator: "\n"))
    </body></html>

    """
  }

  private func sections() -> String {
    var names: [String] = []
    for row in report.rows where names.last != row.section { names.append(row.section) }
    return names.map { name in
      "<h2>\(Self.escape(name))</h2><table><tr>"
        + ["figure", "value", "baseline", "ratio (spread)", "goal", ""].map { "<th>\($0)</th>" }.joined()
        + "</tr>"
        + report.rows.filter { $0.section == name }.map(line).joined() + "</table>"
    }.joined(separator: "\n")
  }

  private func line(_ row: Row) -> String {
    var cells = report.cells(row).map(Self.escape)
    let note = row.failure ?? row.note
    if !note.isEmpty { cells[0] += "<div class=note>\(Self.escape(note))</div>" }
    cells[5] = "<span class=\"\(cells[5])\">\(cells[5])</span>"
    return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
  }

  static func escape(_ text: String) -> String {
    var safe = ""
    for character in text {
      switch character {
      case "<": safe += "&lt;"
      case ">": safe += "&gt;"
      case "&": safe += "&amp;"
      case "\"": safe += "&quot;"
      default: safe.append(character)
      }
    }
    return safe
  }
}
