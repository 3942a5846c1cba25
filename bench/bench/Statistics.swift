extension [Double] {
  /// 0 when there is none.
  var median: Double {
    let sorted = sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension Double {
  /// Three significant digits, with a thousands separator and no exponent.
  var text: String {
    guard isFinite else { return "-" }
    let magnitude = abs(self)
    let digits = magnitude >= 100 || magnitude == 0 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3
    return fixed(digits)
  }

  func fixed(_ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = Int64((abs(self) * scale).rounded())
    let (integer, fraction) = (whole / Int64(scale), whole % Int64(scale))
    var text = ""
    for (index, digit) in String(integer).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { text = "," + text }
      text = String(digit) + text
    }
    if digits > 0 {
      let padded = String(fraction)
      text += "." + String(repeating: "0", count: digits - padded.count) + padded
    }
    return self < 0 && whole > 0 ? "-" + text : text
  }
}
