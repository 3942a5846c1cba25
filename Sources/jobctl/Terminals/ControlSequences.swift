/// Finds what tells a terminal what to do among what a program writes to it (ECMA-48): sequences that begin with an escape, in
/// pieces that may break anywhere.
struct ControlSequences {
  /// `ESC ( B` has an intermediate byte and a last one; `ESC [ ? 1049 h` is bracketed, with a prefix and numbers too. A byte
  /// that is not there is 0, and a number that is not there as well.
  struct Sequence {
    fileprivate(set) var isBracketed = false
    fileprivate(set) var prefix: UInt8 = 0
    fileprivate(set) var intermediate: UInt8 = 0
    fileprivate(set) var last: UInt8 = 0
    fileprivate(set) var numbers = [0]
  }

  private enum Place { case text, escape, bracket }

  static let escape: UInt8 = 0x1b
  /// More numbers than any program sets at once, and larger than any mode.
  private static let (mostNumbers, largest) = (16, 100_000)

  private var place = Place.text
  /// The last one, once ``take(_:)`` has said that it is whole.
  private(set) var sequence = Sequence()

  /// Bytes up to the next escape are text.
  var isInText: Bool { place == .text }

  /// Whether a sequence is whole with this byte.
  mutating func take(_ byte: UInt8) -> Bool {
    switch (place, byte) {
    case (_, Self.escape):
      place = .escape
      sequence = Sequence()
    case (.text, _): break
    case (_, 0x20...0x2f): sequence.intermediate = byte
    case (.escape, UInt8(ascii: "[")):
      place = .bracket
      sequence.isBracketed = true
    case (.bracket, UInt8(ascii: "0")...UInt8(ascii: "9")): addDigit(Int(byte - UInt8(ascii: "0")))
    case (.bracket, UInt8(ascii: ":")), (.bracket, UInt8(ascii: ";")): beginNumber()
    case (.bracket, 0x3c...0x3f): sequence.prefix = byte
    case (.escape, 0x30...0x7e), (.bracket, 0x40...0x7e):
      sequence.last = byte
      place = .text
      return true
    default: place = .text
    }
    return false
  }

  private mutating func addDigit(_ digit: Int) {
    let last = sequence.numbers.count - 1
    sequence.numbers[last] = min(sequence.numbers[last] * 10 + digit, Self.largest)
  }

  private mutating func beginNumber() {
    if sequence.numbers.count == Self.mostNumbers { sequence.numbers.removeLast() }
    sequence.numbers.append(0)
  }
}
