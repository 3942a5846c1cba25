import JobAPI

/// The beginning or the end of a job id's text, with or without its hyphens.
struct IDMatch {
  private let value: UInt128
  private let digits: Int

  /// Nil: no id begins or ends so.
  init?(_ text: String) {
    let hexadecimal = text.utf8.filter { $0 != UInt8(ascii: "-") }
    guard hexadecimal.count <= 32 else { return nil }
    var value: UInt128 = 0
    for byte in hexadecimal {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt128(digit)
    }
    self.value = value
    digits = hexadecimal.count
  }

  func matches(_ id: JobID) -> Bool {
    let number = UInt128(id.high) << 64 | UInt128(id.low)
    // A shift by all 128 bits leaves nothing of them.
    return number >> (128 - 4 * digits) == value || number & ~(UInt128.max << (4 * digits)) == value
  }
}
