/// The names of the members of objects in JSON5 that was read before, as they are written: decoders keep the last of several
/// members of one name, and tell nobody.
struct MemberNames {
  /// The first that is there a second time in its object, after the members that the object is in.
  private(set) var repeated: [String]?
  /// Those that are open, arrays among them.
  private var objects: [(path: [String], names: Set<String>)] = []
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
    var word: [UInt8] = []
    var path: [String] = []
    while repeated == nil, let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "/"): skipComment()
      case UInt8(ascii: "\""), UInt8(ascii: "'"): word = takeText(until: byte)
      case UInt8(ascii: ":"):
        path = take(String(decoding: word, as: UTF8.self))
        word = []
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        objects.append((path, []))
        word = []
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = objects.popLast()
      case UInt8(ascii: ","): word = []
      case 0x09...0x0d, 0x20: break
      default: word.append(byte)
      }
    }
  }

  /// A name in the innermost object; with the members that it is in.
  private mutating func take(_ name: String) -> [String] {
    guard let last = objects.indices.last else { return [] }
    let path = objects[last].path + [name]
    if !objects[last].names.insert(name).inserted { repeated = path }
    return path
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
