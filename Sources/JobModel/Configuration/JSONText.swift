import FoundationEssentials

/// Texts as JSON has them.
enum JSONText {
  static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A string always has a JSON form.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }
}
