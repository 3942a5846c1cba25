/// Writes manual pages in mdoc(7).
package enum Mdoc {
  /// In the lines of `body` that are text, what stands between two backquotes is a macro, and each sentence gets a line
  /// of its own. Lines are broken where they would be longer than `width`.
  package static func page(
    _ name: String, _ section: Int, _ purpose: String, width: Int = .max, _ body: String
  ) -> String {
    let head = """
      .Dd November 30, 2026
      .Dt \(name.uppercased()) \(section)
      .Os
      .Sh NAME
      .Nm \(name)
      .Nd \(purpose)

      """
    var isLiteral = false
    let lines = body.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if line.hasPrefix(".Bd") || line == ".Ed" { isLiteral = line != ".Ed" }
      return isLiteral || line.hasPrefix(".") ? String(line) : running(line, width)
    }
    return head + lines.joined(separator: "\n")
  }

  private static func running(_ text: Substring, _ width: Int) -> String {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
    return parts.flatMap { index, part in
      let sentences = part.replacing(". ", with: ".\n").split(separator: "\n")
      return index % 2 == 1
        ? [".\(part)"] : sentences.flatMap { TextWrap.lines(String($0), width: width) }
    }.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// Text that is printed as it is.
  package static func plain(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("`", with: "\\(ga")
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }

  package static func list(_ items: [(tag: String, text: String)]) -> String {
    ".Bl -tag -width Ds\n" + items.map { ".It \($0.tag)\n\($0.text)\n" }.joined() + ".El\n"
  }
}
