/// Breaks text into lines between words.
package enum TextWrap {
  /// Lines of at most `width` characters, but for words that are longer. A text that fits stays as it is.
  package static func lines(_ text: String, width: Int) -> [String] {
    guard text.count > width else { return [text] }
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
