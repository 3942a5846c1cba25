/// A name in which each `*` stands for any text, also for none. Everything else stands for itself, byte by byte.
struct NamePattern: Comparable {
  private let bytes: [UInt8]
  private static let any = UInt8(ascii: "*")

  init(_ text: String) { bytes = Array(text.utf8) }

  /// It stands for one name alone.
  var isExact: Bool { !bytes.contains(Self.any) }

  /// The one with less that is literal is first; of equal ones the one whose text is.
  static func < (left: Self, right: Self) -> Bool {
    let (one, other) = (left.literal, right.literal)
    return one == other ? left.bytes.lexicographicallyPrecedes(right.bytes) : one < other
  }

  /// Bytes that stand for themselves.
  private var literal: Int { bytes.count { $0 != Self.any } }

  func matches(_ name: String) -> Bool {
    let name = Array(name.utf8)
    var (at, position) = (0, 0)
    // After the last `*` that was met, and how far into the name it goes.
    var after: (at: Int, position: Int)?
    while position < name.count {
      if at < bytes.count, bytes[at] == Self.any {
        at += 1
        after = (at, position)
      } else if at < bytes.count, bytes[at] == name[position] {
        (at, position) = (at + 1, position + 1)
      } else if let last = after {
        after = (last.at, last.position + 1)
        (at, position) = (last.at, last.position + 1)
      } else {
        return false
      }
    }
    return bytes[at...].allSatisfy { $0 == Self.any }
  }
}
