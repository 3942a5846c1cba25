/// Encodes bytes of a stream as the inside of a JSON string (RFC 8259, section 7), piece by piece: what is not UTF-8 is
/// replaced with U+FFFD, one for each maximal part of a sequence (Unicode 15, section 3.9), also across pieces.
struct JSONText {
  private static let replacement: [UInt8] = [0xef, 0xbf, 0xbd]
  /// The begun sequence at the end of the last piece.
  private var pending: [UInt8] = []
  /// How many more bytes it needs, and what the next of them may be.
  private var needed = 0
  private var low: UInt8 = 0x80
  private var high: UInt8 = 0xbf

  /// The whole of a string.
  static func put(_ string: String, into out: inout [UInt8]) {
    var text = JSONText()
    text.append(string.utf8, to: &out)
    text.finish(&out)
  }

  mutating func append(_ bytes: some Sequence<UInt8>, to out: inout [UInt8]) {
    for byte in bytes {
      if needed > 0 {
        if byte >= low && byte <= high {
          continueSequence(byte, &out)
          continue
        }
        breakOff(&out)
      }
      begin(byte, &out)
    }
  }

  /// The stream ends here.
  mutating func finish(_ out: inout [UInt8]) {
    if needed > 0 { breakOff(&out) }
  }

  private mutating func breakOff(_ out: inout [UInt8]) {
    out.append(contentsOf: Self.replacement)
    pending.removeAll(keepingCapacity: true)
    needed = 0
  }

  private mutating func continueSequence(_ byte: UInt8, _ out: inout [UInt8]) {
    pending.append(byte)
    needed -= 1
    (low, high) = (0x80, 0xbf)
    guard needed == 0 else { return }
    out.append(contentsOf: pending)
    pending.removeAll(keepingCapacity: true)
  }

  private mutating func begin(_ byte: UInt8, _ out: inout [UInt8]) {
    switch byte {
    case 0x22: out.append(contentsOf: [0x5c, 0x22])
    case 0x5c: out.append(contentsOf: [0x5c, 0x5c])
    case 0x0a: out.append(contentsOf: [0x5c, 0x6e])
    case 0x0d: out.append(contentsOf: [0x5c, 0x72])
    case 0x09: out.append(contentsOf: [0x5c, 0x74])
    case 0x00..<0x20: Self.escape(byte, &out)
    case 0x20..<0x80: out.append(byte)
    case 0xc2...0xdf: start(byte, 1)
    case 0xe0: start(byte, 2, low: 0xa0)
    case 0xed: start(byte, 2, high: 0x9f)
    case 0xe1...0xef: start(byte, 2)
    case 0xf0: start(byte, 3, low: 0x90)
    case 0xf1...0xf3: start(byte, 3)
    case 0xf4: start(byte, 3, high: 0x8f)
    default: out.append(contentsOf: Self.replacement)
    }
  }

  private mutating func start(_ byte: UInt8, _ needed: Int, low: UInt8 = 0x80, high: UInt8 = 0xbf) {
    pending.append(byte)
    (self.needed, self.low, self.high) = (needed, low, high)
  }

  private static func escape(_ byte: UInt8, _ out: inout [UInt8]) {
    let hex = Array("0123456789abcdef".utf8)
    out.append(contentsOf: [0x5c, 0x75, 0x30, 0x30, hex[Int(byte >> 4)], hex[Int(byte & 15)]])
  }
}
