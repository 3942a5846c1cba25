import Platform

/// Looks for where the last lines of a file begin: backwards, and a part in each turn, since the file may be long and others
/// wait meanwhile. Worker's thread only.
struct LastLines {
  private let file: OutputFile
  private var tail: LineTail
  private var at: UInt64

  /// Bytes of output, and of its index, that are looked through in one turn.
  static let turn = 1 << 20
  static let block: UInt64 = 65536

  init(_ lines: Int, of file: OutputFile, before end: UInt64) {
    (self.file, tail, at) = (file, LineTail(lines), end)
  }

  /// Goes on. Nil: they begin before what was looked through until now.
  mutating func start() throws(SystemError) -> UInt64? {
    var left = Self.turn
    while at > 0, !tail.isWhole {
      guard left > 0 else { return nil }
      let count = min(at, Self.block)
      at -= count
      left -= Int(count)
      if let start = tail.start(in: try file.read(Int(count), at: at)) { at += UInt64(start) }
    }
    return at
  }
}

/// Finds the last lines of a text that is read backwards, block by block.
struct LineTail {
  private var left: Int
  private var isLast = true

  init(_ lines: Int) { left = lines }

  /// They were found: nothing before them is needed.
  var isWhole: Bool { left == 0 }

  /// Where in the next block they begin; nil: before it.
  mutating func start(in block: [UInt8]) -> Int? {
    for position in block.indices.reversed() {
      // The last line's own end does not begin another one.
      defer { isLast = false }
      guard block[position] == 0x0a, !isLast else { continue }
      left -= 1
      if left == 0 { return position + 1 }
    }
    return nil
  }
}
