import Platform

/// Looks for the keys that leave the job among those that are typed. A key that may be the first of them is held back until
/// the next one comes, or until ``release()``. A key with ctrl- is known in what terminals send for it where a program asked
/// them for more: by xterm's modifyOtherKeys and by kitty's keyboard protocol.
struct DetachKeys {
  static let standard = "ctrl-p,ctrl-q"

  /// What a terminal may send for each key.
  private let sequence: [[[UInt8]]]
  private var held: [UInt8] = []

  /// Keys with a comma between each two: a character, or `ctrl-` and one. Empty: there are none. Nil: it is nothing of
  /// that.
  init?(_ text: String) {
    var sequence: [[[UInt8]]] = []
    for key in text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let byte = Self.byte(of: key) else { return nil }
      sequence.append(Self.forms(of: byte))
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

  /// With caps lock and num lock, or without them, and in kitty's followed by the key's release.
  private static func forms(of byte: UInt8) -> [[UInt8]] {
    guard byte < 0x20 else { return [[byte]] }
    let upper = byte | 0x40
    let code = (0x41...0x5a).contains(upper) ? upper | 0x20 : upper
    let (control, locks) = (5, [0, 64, 128, 192])
    return [[byte], Array("\u{1b}[27;\(control);\(code)~".utf8)]
      + locks.map { control + $0 }.flatMap { modifiers in
        let released = "\u{1b}[\(code);\(modifiers):3u"
        return ["", ":1"].map { "\u{1b}[\(code);\(modifiers)\($0)u" }.flatMap { [$0, $0 + released] }
      }.map { Array($0.utf8) }
  }

  /// Whether a key is held back.
  var holdsBack: Bool { !held.isEmpty }

  /// Milliseconds for which what is held back may wait for the rest. What a terminal sends for one key comes at once, and the
  /// escape key itself is not to be late.
  var patience: Int32 { held.contains(ControlSequences.escape) ? 20 : 500 }

  /// What of `bytes`, and of what was held back, is the job's; and whether all keys came that leave it. What follows those is
  /// dropped.
  mutating func take(_ bytes: some Sequence<UInt8>) -> (passed: [UInt8], isLeft: Bool) {
    guard !sequence.isEmpty else { return (Array(bytes), false) }
    var passed: [UInt8] = []
    for byte in bytes {
      held.append(byte)
      var found = fit(held[...], sequence[...])
      while found == .none {
        passed.append(held.removeFirst())
        found = fit(held[...], sequence[...])
      }
      if found == .whole { return (passed, true) }
    }
    return (passed, false)
  }

  private enum Fit { case none, begun, whole }

  /// Whether `bytes` are all of `keys`, or may become so with others after them.
  private func fit(_ bytes: ArraySlice<UInt8>, _ keys: ArraySlice<[[UInt8]]>) -> Fit {
    guard let key = keys.first else { return bytes.isEmpty ? .whole : .none }
    var best = Fit.none
    for form in key {
      if bytes.count < form.count {
        if form.starts(with: bytes) { best = .begun }
      } else if bytes.starts(with: form) {
        let rest = fit(bytes.dropFirst(form.count), keys.dropFirst())
        if rest == .whole { return .whole }
        if rest == .begun { best = .begun }
      }
    }
    return best
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
