import Platform

/// The command line is wrong: how, and in which command.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  var command: String?

  init(_ description: String, command: String? = nil) {
    self.description = description
    self.command = command
  }
}

/// What a misspelled word may have meant.
enum Suggestion {
  /// Empty when nothing is near; `prefix` is put before the word.
  static func text(for word: String, among known: [String], _ prefix: String = "") -> String {
    let near = NearName.find(word, among: known, most: max(1, word.count / 3))
    return near.map { "; did you mean \(prefix)\($0)?" } ?? ""
  }
}
