/// What a misspelled name may have meant.
package enum NearName {
  /// The name that is nearest to `name`, if one is `most` steps away or fewer.
  package static func find(_ name: String, among known: [String], most: Int) -> String? {
    let near = known.map { ($0, distance(Array(name), Array($0))) }.min { $0.1 < $1.1 }
    return near.flatMap { $0.1 <= most ? $0.0 : nil }
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
