import Glibc

/// A plot as inline SVG.
struct Drawing {
  let plot: Plot
  private static let colours = ["#1f6feb", "#d1572b", "#1a7f4b", "#8250df", "#a0760a"]
  private static let (width, height) = (560.0, 340.0)
  private static let (left, right, top, bottom) = (70.0, 20.0, 16.0, 46.0)

  /// Where a value lies on its axis. A share is drawn by its distance from 1: 0.9, 0.99 and 0.999 are equally far apart.
  private static func place(_ value: Double, _ axis: Plot.Axis) -> Double {
    switch axis {
    case .linear: value
    case .logarithmic: log10(max(value, 1e-3))
    case .share: -log10(max(1 - value, 1e-5))
    }
  }

  private struct Scale {
    var axis: Plot.Axis
    var least, most, from, to: Double
    func callAsFunction(_ value: Double) -> Double {
      from + (Drawing.place(value, axis) - least) / max(most - least, 1e-9) * (to - from)
    }
  }

  private func scale(_ axis: Plot.Axis, _ index: Int, from: Double, to: Double) -> Scale {
    let places = plot.series.flatMap { $0.points.map { Self.place($0[index], axis) } }
    var (least, most) = (places.min() ?? 0, places.max() ?? 1)
    if axis == .logarithmic {
      (least, most) = (least.rounded(.down), max(most.rounded(.up), least.rounded(.down) + 1))
    }
    return Scale(axis: axis, least: least, most: most, from: from, to: to)
  }

  private func ticks(_ scale: Scale) -> [(Double, String)] {
    switch scale.axis {
    case .share:
      return [(0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")]
    case .logarithmic:
      return (Int(scale.least)...Int(scale.most)).map { (pow(10, Double($0)), pow(10, Double($0)).text) }
    case .linear:
      return (0...4).map { scale.least + (scale.most - scale.least) * Double($0) / 4 }.map { ($0, $0.text) }
    }
  }

  func figure() -> String {
    let x = scale(plot.xAxis, 0, from: Self.left, to: Self.width - Self.right)
    let y = scale(plot.yAxis, 1, from: Self.height - Self.bottom, to: Self.top)
    return """
      <figure><figcaption><b>\(Page.escape(plot.title))</b></figcaption>
      <svg width="\(Int(Self.width))" height="\(Int(Self.height))" font-family="system-ui" font-size="11" role="img">
      \(grid(x, y))\(lines(x, y))\(legend())
      <text x="\((Self.width / 2).fixed(0))" y="\((Self.height - 8).fixed(0))" text-anchor="middle">\(Page.escape(plot.x))</text>
      <text x="14" y="\((Self.height / 2).fixed(0))" text-anchor="middle" transform="rotate(-90 14 \((Self.height / 2).fixed(0)))">\(Page.escape(plot.y))</text>
      </svg></figure>
      """
  }

  private func grid(_ x: Scale, _ y: Scale) -> String {
    let (bottom, right) = (Self.height - Self.bottom, Self.width - Self.right)
    var text = ""
    for (value, name) in ticks(x) where x(value) <= right + 0.5 {
      let at = x(value).fixed(1)
      text += "<line x1=\"\(at)\" x2=\"\(at)\" y1=\"\(Self.top)\" y2=\"\(bottom)\" stroke=\"#eee\"/>"
      text += "<text x=\"\(at)\" y=\"\((bottom + 15).fixed(0))\" text-anchor=\"middle\">\(name)</text>"
    }
    for (value, name) in ticks(y) {
      let at = y(value).fixed(1)
      text += "<line y1=\"\(at)\" y2=\"\(at)\" x1=\"\(Self.left)\" x2=\"\(right)\" stroke=\"#eee\"/>"
      text +=
        "<text x=\"\((Self.left - 6).fixed(0))\" y=\"\((y(value) + 4).fixed(1))\" text-anchor=\"end\">\(name)</text>"
    }
    return text
  }

  private func lines(_ x: Scale, _ y: Scale) -> String {
    plot.series.enumerated().map { index, series in
      let points = series.points.map { "\(x($0[0]).fixed(1)),\(y($0[1]).fixed(1))" }.joined(separator: " ")
      let colour = Self.colours[index % Self.colours.count]
      return "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.8\" points=\"\(points)\"/>"
    }.joined()
  }

  private func legend() -> String {
    plot.series.enumerated().map { index, series in
      let y = Self.top + 14 + Double(index) * 15
      let colour = Self.colours[index % Self.colours.count]
      return
        "<text x=\"\((Self.left + 10).fixed(0))\" y=\"\(y.fixed(0))\" fill=\"\(colour)\">\(Page.escape(series.name))</text>"
    }.joined()
  }
}
