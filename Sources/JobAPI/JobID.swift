/// The name of a job: a version 7 UUID (RFC 9562, section 5.7), so that ids sort by time of creation, with 62 bits
/// from the system's random source, so that they cannot be guessed.
///
/// The text form is the usual one of 36 characters in lower case. A plain value; any thread.
public struct JobID: Hashable, Sendable, Comparable, TextValue {
  public static let allowed = "a UUID of 36 characters"

  /// The first and the last eight bytes, most significant first.
  public let high, low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A fresh id for a job created at `microseconds` since 1970 with `random` bits. The 12 bits after the version
  /// hold the fraction of the millisecond (RFC 9562, section 6.2, method 3).
  public init(microseconds: Int64, random: UInt64) {
    let milliseconds = UInt64(microseconds / 1000)
    let fraction = UInt64(microseconds % 1000) * 4096 / 1000
    high = milliseconds << 16 | 0x7000 | fraction
    low = random & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
  }

  /// Parses the text form; nil for anything else. Upper case is accepted.
  public init?(_ text: some StringProtocol) {
    var copy = String(text)
    guard let id = copy.withUTF8({ JobID(bytes: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = id
  }

  /// The same for the text as it came from the network.
  public init?(bytes: UnsafeRawBufferPointer) {
    let dash = UInt8(ascii: "-")
    guard bytes.count == 36, bytes[8] == dash, bytes[13] == dash, bytes[18] == dash, bytes[23] == dash else {
      return nil
    }
    func digits(_ offset: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    // Eight digits each; the second and the third eight have a dash between them.
    let second = digits(9) & 0xffff_ffff_0000_0000 | digits(14) >> 32
    let third = digits(19) & 0xffff_ffff_0000_0000 | digits(24) >> 32
    guard let one = Self.number(digits(0)), let two = Self.number(second), let three = Self.number(third),
      let four = Self.number(digits(28))
    else { return nil }
    self.init(high: one << 32 | two, low: three << 32 | four)
  }

  /// The number that eight hexadecimal digits, one a byte, mean; nil when one is none. All eight at once, and without a
  /// branch for a digit: they cannot be predicted, and every request has 32.
  private static func number(_ digits: UInt64) -> UInt64? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let letters = digits >> 6 & ones
    let values = (digits & 0x0f0f_0f0f_0f0f_0f0f) &+ letters &* 9
    // What is none has a value above 15, or one that is written otherwise.
    let lettersOfValues = (values &+ ones &* 6) >> 4 & ones
    let written = values &+ ones &* 0x30 &+ lettersOfValues &* 0x27
    guard values & 0xf0f0_f0f0_f0f0_f0f0 == 0, written == digits | letters << 5 else { return nil }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff
    return (fours | fours >> 16) & 0xffff_ffff
  }

  public var description: String {
    String(unsafeUninitializedCapacity: 36) { buffer in
      var at = 0
      for nibble in 0..<32 {
        if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
          buffer[at] = UInt8(ascii: "-")
          at += 1
        }
        let word = nibble < 16 ? high : low
        let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))) & 15
        buffer[at] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
        at += 1
      }
      return 36
    }
  }

  /// When the job was created, in milliseconds since 1970.
  public var milliseconds: Int64 { Int64(high >> 16) }

  public static func < (left: JobID, right: JobID) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(low) }
}
