/// Laying out text.
enum Text {
  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - DisplayWidth.of(text)))
  }

  /// The beginning of `text` in `width` columns, with an ellipsis where something was cut off.
  static func cut(_ text: String, _ width: Int) -> String {
    guard DisplayWidth.of(text) > width else { return text }
    var result = ""
    var room = width - 1
    for character in text {
      room -= DisplayWidth.of(character)
      if room < 0 { break }
      result.append(character)
    }
    return result + "…"
  }

  /// As it would be typed into a shell; control characters cannot reach the terminal.
  static func quote(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: "-_./:=@%+,".utf8.contains(byte)
      }
    }
    if plain && !word.isEmpty { return word }
    return "'" + printable(word).replacing("'", with: #"'\''"#) + "'"
  }

  /// As many lines of `text` as a screen of this height holds; the last says how many are not shown.
  static func first(_ height: Int?, _ text: String) -> String {
    let lines = text.split(separator: "\n")
    // The cursor is in the line after the last.
    guard let height, lines.count > max(1, height - 1) else { return text }
    let shown = lines.prefix(max(1, height - 2))
    return shown.joined(separator: "\n") + "\n... and \(lines.count - shown.count) more\n"
  }

  /// Without what a terminal does not show as it is: control characters, what changes the direction of writing (Unicode
  /// Standard Annex 9), and what takes no room, such as a byte order mark or a tag.
  static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isShown($0) ? $0 : "?" }))
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
    // Such as variation selectors and the filler letters of Hangul, which look like nothing.
    default: !scalar.properties.isDefaultIgnorableCodePoint
    }
  }
}

/// Columns a text takes on a terminal.
enum DisplayWidth {
  /// Scalars that take two columns (Unicode's East Asian wide and fullwidth, and emoji), as far as they are common.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
    0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd,
  ]

  static func of(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  static func of(_ character: Character) -> Int {
    let first = character.unicodeScalars.first!.value
    return wide.contains { $0.contains(first) } ? 2 : 1
  }
}
