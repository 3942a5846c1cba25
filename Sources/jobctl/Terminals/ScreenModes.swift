/// What a job has changed of the terminal that it is shown on, as far as that outlasts the job: its screen, cursor, mouse and
/// keys (the private modes of xterm's "Control Sequences"). A program that ends by itself changes it back.
struct ScreenModes {
  private enum Place {
    case text, escape, bracket
    case number([Int])
  }

  /// Modes that are on while nobody changes them: of these the cursor is shown, and lines wrap.
  private static let usual: Set<Int> = [7, 25]
  private static let others: Set<Int> = [1, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1049, 2004]
  private static let escape: UInt8 = 0x1b
  /// More numbers than any program sets at once, and larger than any mode.
  private static let (mostNumbers, largest) = (16, 100_000)

  private var place = Place.text
  private var changed: Set<Int> = []
  private var isKeypadChanged = false

  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if case .text = place {
        guard let escape = rest.firstIndex(of: Self.escape) else { return }
        rest = rest[escape...]
      }
      take(rest.removeFirst())
    }
  }

  private mutating func take(_ byte: UInt8) {
    switch (place, byte) {
    case (_, Self.escape): place = .escape
    case (.escape, UInt8(ascii: "[")): place = .bracket
    case (.escape, UInt8(ascii: "=")), (.escape, UInt8(ascii: ">")):
      isKeypadChanged = byte == UInt8(ascii: "=")
      place = .text
    case (.bracket, UInt8(ascii: "?")): place = .number([0])
    case (.number(let numbers), UInt8(ascii: "h")): set(numbers, true)
    case (.number(let numbers), UInt8(ascii: "l")): set(numbers, false)
    case (.number(let numbers), UInt8(ascii: ";")) where numbers.count < Self.mostNumbers:
      place = .number(numbers + [0])
    case (.number(var numbers), 0x30...0x39):
      numbers[numbers.count - 1] = min(numbers.last! * 10 + Int(byte - 0x30), Self.largest)
      place = .number(numbers)
    default: place = .text
    }
  }

  private mutating func set(_ numbers: [Int], _ isOn: Bool) {
    place = .text
    for number in numbers where Self.usual.contains(number) || Self.others.contains(number) {
      if isOn == Self.usual.contains(number) { changed.remove(number) } else { changed.insert(number) }
    }
  }

  /// What makes it as it was; empty where nothing is changed.
  var undo: String {
    guard !changed.isEmpty || isKeypadChanged else { return "" }
    // The other screen is left last: what belongs to it goes with it.
    let modes = changed.sorted().map { "\u{1b}[?\($0)\(Self.usual.contains($0) ? "h" : "l")" }
    return "\u{1b}[0m\u{1b}>\(modes.joined())"
  }
}
