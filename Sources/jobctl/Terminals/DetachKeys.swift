import Platform

/// Looks for the keys that leave the job among those that are typed. A key that may be the first of them is held back until
/// the next one comes, or until ``release()``.
struct DetachKeys {
  static let standard = "ctrl-p,ctrl-q"

  private let sequence: [UInt8]
  private var held: [UInt8] = []

  /// Keys with a comma between each two: a character, or `ctrl-` and one. Empty: there are none. Nil: it is nothing of
  /// that.
  init?(_ text: String) {
    var sequence: [UInt8] = []
    for key in text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let byte = Self.byte(of: key) else { return nil }
      sequence.append(byte)
    }
    self.sequence = sequence
  }

  private static func byte(of key: Substring) -> UInt8? {
    let prefix = "ctrl-"
    let bytes = Array(key.utf8)
    if bytes.count == 1, (0x21...0x7e).contains(bytes[0]) { return bytes[0] }
    guard key.lowercased().hasPrefix(prefix), bytes.count == prefix.utf8.count + 1 else { return nil }
    // A letter, or one of @ [ \ ] ^ _ (ASCII's control characters).
    let upper = bytes[prefix.utf8.count] & ~(bytes[prefix.utf8.count] >= 0x61 ? 0x20 : 0)
    return (0x40...0x5f).contains(upper) ? upper & 0x1f : nil
  }

  /// Whether a key is held back.
  var holdsBack: Bool { !held.isEmpty }

  /// What of `bytes`, and of what was held back, is the job's; and whether all keys came that leave it. What follows those is
  /// dropped.
  mutating func take(_ bytes: some Sequence<UInt8>) -> (passed: [UInt8], isLeft: Bool) {
    guard !sequence.isEmpty else { return (Array(bytes), false) }
    var passed: [UInt8] = []
    for byte in bytes {
      held.append(byte)
      while !sequence.starts(with: held) { passed.append(held.removeFirst()) }
      if held.count == sequence.count { return (passed, true) }
    }
    return (passed, false)
  }

  /// No further key came in time: what was held back is the job's.
  mutating func release() -> [UInt8] {
    defer { held = [] }
    return held
  }
}

extension OptionValue<String> {
  static var keys: Self {
    Self(.text, "KEYS", "keys such as ctrl-p,ctrl-q, a single character each or ctrl- and one, or empty") {
      text in
      DetachKeys(text) == nil ? nil : text
    }
  }
}
