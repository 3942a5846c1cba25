/// The names of an object's members in JSON5 that was read before, as they are written: decoders keep the last of several
/// members of one name, and tell nobody.
struct MemberNames {
  private var names: [String] = []
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
    var word: [UInt8] = []
    var depth = 0
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "/"): skipComment()
      case UInt8(ascii: "\""), UInt8(ascii: "'"): word = takeText(until: byte)
      case UInt8(ascii: ":"):
        if depth == 1 { names.append(String(decoding: word, as: UTF8.self)) }
        word = []
      case UInt8(ascii: "{"), UInt8(ascii: "["): (depth, word) = (depth + 1, [])
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ","): word = []
      case 0x09...0x0d, 0x20: break
      default: word.append(byte)
      }
    }
  }

  /// The first that is there a second time.
  var repeated: String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }

  /// After its first slash.
  private mutating func skipComment() {
    let end = Array((rest.first == UInt8(ascii: "*") ? "*/" : "\n").utf8)
    while !rest.isEmpty, !rest.starts(with: end) { rest.removeFirst() }
    rest = rest.dropFirst(end.count)
  }

  private mutating func takeText(until quote: UInt8) -> [UInt8] {
    var text: [UInt8] = []
    while let byte = rest.popFirst(), byte != quote {
      text.append(byte)
      if byte == UInt8(ascii: "\\"), let next = rest.popFirst() { text.append(next) }
    }
    return text
  }
}
