import CPlatform

/// What this program was called with.
package enum Arguments {
  /// One that is no text. `place`: 1 is the first after the program's name.
  package struct NotText: Error, CustomStringConvertible {
    let place: Int
    package var description: String { "argument \(place) is not UTF-8: what is sent and printed has to be" }
  }

  /// After the program's name.
  package static func all() throws(NotText) -> [String] {
    var words: [String] = []
    for place in 1..<max(1, Int(jp_argument_count())) {
      guard let word = String(validatingCString: jp_argument(Int32(place))) else {
        throw NotText(place: place)
      }
      words.append(word)
    }
    return words
  }

  /// The program's name.
  package static var name: String { jp_argument_count() > 0 ? String(cString: jp_argument(0)) : "" }
}
