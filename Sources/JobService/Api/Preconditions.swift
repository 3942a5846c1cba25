import JobAPI

/// Conditions of a request (RFC 9110, section 13). Nothing here has a date of its last change, so that those of
/// dates are ignored, as the RFC has it.
extension RequestHead {
  var isConditional: Bool { header("if-match") != nil || header("if-none-match") != nil }

  /// True: the client has what it asks for, 304. Throws ``Problem`` when the request must not be carried out. `tag`: of
  /// what there is now; nil: it has none.
  func isKnown(tag: String?) throws(Problem) -> Bool {
    if let wanted = list("if-match"), !wanted.contains("*"), tag.map(wanted.contains) != true {
      throw Problem(412, "If-Match names \(wanted.joined(separator: ", ")), which is not what there is now")
    }
    guard let known = list("if-none-match") else { return false }
    // Compared weakly (section 13.1.2).
    let isKnown = known.contains { $0 == "*" || ($0.hasPrefix("W/") ? String($0.dropFirst(2)) : $0) == tag }
    guard isKnown, !isHead, !method.elementsEqual("GET".utf8) else { return isKnown }
    throw Problem(412, "If-None-Match names what there is now")
  }

  /// The elements of a field that may be given more than once; nil when it is absent.
  private func list(_ name: StaticString) -> [String]? {
    let lines = headers(name)
    guard !lines.isEmpty else { return nil }
    return lines.flatMap { $0.split(separator: ",") }.map { item in
      String(item.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
    }
  }
}
