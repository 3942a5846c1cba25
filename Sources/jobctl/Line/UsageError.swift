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
    let near = known.map { ($0, distance(Array(word), Array($0))) }.min { $0.1 < $1.1 }
    guard let (name, distance) = near, distance <= max(1, word.count / 3) else { return "" }
    return "; did you mean \(prefix)\(name)?"
  }

  /// How many letters have to be changed, added or removed.
  private static func distance(_ from: [Character], _ to: [Character]) -> Int {
    var row = Array(0...to.count)
    for (i, letter) in from.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in to.indices {
        let next = letter == to[j] ? diagonal : 1 + min(diagonal, row[j], row[j + 1])
        (diagonal, row[j + 1]) = (row[j + 1], next)
      }
    }
    return row[to.count]
  }
}
