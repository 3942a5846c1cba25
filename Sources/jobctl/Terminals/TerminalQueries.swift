/// Takes out of what a program writes to a terminal what the terminal would answer (ECMA-48, DEC's and xterm's reports, kitty's
/// protocols), in pieces that may break anywhere. The answer comes as if it were typed: to a program that asked long ago, or
/// to another one.
struct TerminalQueries {
  private enum Place { case outside, string, escapeInString }

  private static let (bell, cancel, substitute): (UInt8, UInt8, UInt8) = (0x07, 0x18, 0x1a)
  /// Answered with a text that the terminal's user may have set.
  private static let enquiry: UInt8 = 0x05
  /// What begins a text of any length, after an escape: DCS, SOS, OSC, PM and APC.
  private static let openers: Set<UInt8> = Set("PX]^_".utf8)
  /// Bytes of such a text; no query has more, but pictures do.
  private static let longest = 8192

  private var sequences = ControlSequences()
  private var place = Place.outside
  /// What may be a query, from its escape on.
  private var held: [UInt8] = []

  /// What of `bytes`, and of what was held back, is none. A sequence is held back until it is whole.
  mutating func drop(from bytes: some Sequence<UInt8>) -> [UInt8] {
    var passed: [UInt8] = []
    for byte in bytes { take(byte, &passed) }
    return passed
  }

  /// What is held back.
  mutating func release() -> [UInt8] {
    defer { self = TerminalQueries() }
    return held
  }

  private mutating func take(_ byte: UInt8, _ passed: inout [UInt8]) {
    guard place == .outside else { return takeInString(byte, &passed) }
    let wasInText = sequences.isInText
    let isWhole = sequences.take(byte)
    if wasInText, sequences.isInText {
      if byte != Self.enquiry { passed.append(byte) }
      return
    }
    // One that is broken off.
    if byte == ControlSequences.escape { end(isQuery: false, &passed) }
    held.append(byte)
    let sequence = sequences.sequence
    if isWhole, !sequence.isBracketed, sequence.intermediate == 0, Self.openers.contains(sequence.last) {
      place = .string
    } else if sequences.isInText {
      end(isQuery: isWhole && sequence.isQuery, &passed)
    }
  }

  private mutating func takeInString(_ byte: UInt8, _ passed: inout [UInt8]) {
    if place == .escapeInString, byte != UInt8(ascii: "\\") {
      held.removeLast()
      end(isQuery: false, &passed)
      take(ControlSequences.escape, &passed)
      return take(byte, &passed)
    }
    held.append(byte)
    switch byte {
    case _ where place == .escapeInString: end(isQuery: isQuery(held.dropFirst().dropLast(2)), &passed)
    case ControlSequences.escape: place = .escapeInString
    case Self.bell where held[1] == UInt8(ascii: "]"):
      end(isQuery: isQuery(held.dropFirst().dropLast()), &passed)
    case Self.cancel, Self.substitute: end(isQuery: false, &passed)
    default: if held.count > Self.longest { end(isQuery: false, &passed) }
    }
  }

  private mutating func end(isQuery: Bool, _ passed: inout [UInt8]) {
    if !isQuery { passed += held }
    held = []
    place = .outside
  }

  /// `string`: from what opens it up to what ends it.
  private func isQuery(_ string: some Collection<UInt8>) -> Bool {
    let text = String(decoding: string, as: UTF8.self)
    let rest = text.dropFirst()
    switch text.first {
    case "P": return rest.hasPrefix("$q") || rest.hasPrefix("+q")
    case "]":
      return rest.hasPrefix("1337;Report") || rest.fields(";").contains { $0 == "?" || $0.hasSuffix("=?") }
    // A picture with a number, of which the terminal tells what became.
    case "_" where rest.first == "G":
      let keys = rest.dropFirst().prefix { $0 != ";" }.fields(",")
      return keys.contains { $0.hasPrefix("i=") || $0.hasPrefix("I=") } && !keys.contains("q=2")
    default: return false
    }
  }
}

extension Substring {
  fileprivate func fields(_ separator: Character) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}

extension ControlSequences.Sequence {
  /// What a terminal reports of its window, by the first number of `CSI t`.
  private static let windowReports: Set<Int> = [11, 13, 14, 15, 16, 18, 19, 20, 21]

  /// Whether a terminal answers it.
  fileprivate var isQuery: Bool {
    func text(_ byte: UInt8) -> String { byte == 0 ? "" : String(Unicode.Scalar(byte)) }
    let name = text(prefix) + text(intermediate) + text(last)
    guard isBracketed else { return name == "Z" }
    switch name {
    // Its kind, name and version; its state and the cursor's place.
    case "c", ">c", "=c", ">q", "x", "n", "?n": return true
    // Modes, settings and tables; keyboards; colours, checksums and pointers.
    case "$p", "?$p", "$w", "$u", "?u", "?m", "?S", "*y", "#|", "'|", "\"v", "&u", "+x": return true
    case "t": return Self.windowReports.contains(numbers[0])
    default: return false
    }
  }
}
