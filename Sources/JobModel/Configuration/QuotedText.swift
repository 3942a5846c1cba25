import FoundationEssentials

extension String {
  /// As JSON has it, in quotation marks.
  var quoted: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // A string always has a JSON form.
    return String(decoding: try! encoder.encode(self), as: UTF8.self)
  }
}
