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

  /// How many letters have to be changed, added, removed, or swapped with their neighbour.
  private static func distance(_ from: [Character], _ to: [Character]) -> Int {
    var rows = [Array(0...to.count)]
    for i in from.indices {
      var row = [i + 1]
      for j in to.indices {
        var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (from[i] == to[j] ? 0 : 1))
        if i > 0, j > 0, from[i] == to[j - 1], from[i - 1] == to[j] {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[from.count][to.count]
  }
}
