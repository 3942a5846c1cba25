/// What a job changed of the terminal that it is shown on, as far as that outlasts the job: its screen, cursor, colour, mouse
/// and keys (xterm's "Control Sequences", and kitty's keyboard protocol). A program that ends by itself changes it back.
struct ScreenModes {
  /// Modes that are on while nobody changes them: of these the cursor is shown, and lines wrap.
  private static let usual: Set<Int> = [7, 25]
  private static let others: Set<Int> = [
    1, 5, 6, 9, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 1047, 1049, 2004, 2026, 2031, 2048,
  ]
  private static let otherScreen: Set<Int> = [47, 1047, 1049]
  /// More than any program has at once, as with ``keyboards``.
  private static let mostKeyboards = 16
  private static let plainCharacters = UInt8(ascii: "B")

  private var sequences = ControlSequences()
  private var changed: Set<Int> = []
  private var isColoured = false
  private var isKeypadChanged = false
  private var characters = Self.plainCharacters
  /// The first and the last line that scroll; empty: all do.
  private var region: [Int] = []
  /// What xterm's modifyOtherKeys is, and the cursor's shape.
  private var (otherKeys, shape) = (0, 0)
  /// Flags of kitty's keyboard protocol that were put on those before, on the first screen and on the other one.
  private var keyboards: [[Int]] = [[], []]

  private var isOnOtherScreen: Bool { !changed.isDisjoint(with: Self.otherScreen) }

  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if sequences.isInText {
        guard let escape = rest.firstIndex(of: ControlSequences.escape) else { return }
        rest = rest[escape...]
      }
      if sequences.take(rest.removeFirst()) { take(sequences.sequence) }
    }
  }

  private mutating func take(_ sequence: ControlSequences.Sequence) {
    let last = Character(Unicode.Scalar(sequence.last))
    if sequence.isBracketed { return takeBracketed(sequence, last) }
    switch (sequence.intermediate, last) {
    case (0, "="), (0, ">"): isKeypadChanged = last == "="
    case (UInt8(ascii: "("), _): characters = sequence.last
    case (0, "c"): self = ScreenModes()
    default: break
    }
  }

  private mutating func takeBracketed(_ sequence: ControlSequences.Sequence, _ last: Character) {
    let (numbers, screen) = (sequence.numbers, isOnOtherScreen ? 1 : 0)
    switch (Character(Unicode.Scalar(max(sequence.prefix, sequence.intermediate))), last) {
    case ("?", "h"), ("?", "l"): set(numbers, last == "h")
    case ("\0", "m"): isColoured = numbers != [0]
    case (">", "m") where numbers[0] == 4: otherKeys = numbers.count > 1 ? numbers[1] : 0
    case ("\0", "r"): region = numbers.allSatisfy { $0 == 0 } ? [] : numbers
    case (" ", "q"): shape = numbers[0]
    case (">", "u"): keyboards[screen] = (keyboards[screen] + numbers.prefix(1)).suffix(Self.mostKeyboards)
    case ("<", "u"): keyboards[screen] = keyboards[screen].dropLast(max(1, numbers[0]))
    default: break
    }
  }

  private mutating func set(_ numbers: [Int], _ isOn: Bool) {
    for number in numbers where Self.usual.contains(number) || Self.others.contains(number) {
      if isOn == Self.usual.contains(number) { changed.remove(number) } else { changed.insert(number) }
    }
  }

  /// What makes it as it was; empty where nothing is changed.
  var undo: String {
    func pops(_ screen: Int) -> String {
      keyboards[screen].isEmpty ? "" : "\u{1b}[<\(keyboards[screen].count)u"
    }
    var text = isOnOtherScreen ? pops(1) : ""
    for mode in changed.sorted() { text += "\u{1b}[?\(mode)\(Self.usual.contains(mode) ? "h" : "l")" }
    // The cursor stays where it is.
    if !region.isEmpty { text += "\u{1b}7\u{1b}[r\u{1b}8" }
    text += pops(0)
    if otherKeys != 0 { text += "\u{1b}[>4;0m" }
    if shape != 0 { text += "\u{1b}[0 q" }
    guard !text.isEmpty || isColoured || isKeypadChanged || characters != Self.plainCharacters else {
      return ""
    }
    // Last: with the first screen the colour comes back that was used there.
    return text + "\u{1b}(B\u{0f}\u{1b}>\u{1b}[0m"
  }

  /// What makes it as the job has it, after ``undo``, but for colour.
  var redo: String {
    func pushes(_ screen: Int) -> String { keyboards[screen].map { "\u{1b}[>\($0)u" }.joined() }
    var text = pushes(0)
    for mode in changed.sorted() { text += "\u{1b}[?\(mode)\(Self.usual.contains(mode) ? "l" : "h")" }
    if isOnOtherScreen { text += pushes(1) }
    if !region.isEmpty { text += "\u{1b}[\(region.map(String.init).joined(separator: ";"))r" }
    if otherKeys != 0 { text += "\u{1b}[>4;\(otherKeys)m" }
    if shape != 0 { text += "\u{1b}[\(shape) q" }
    if characters != Self.plainCharacters { text += "\u{1b}(\(Character(Unicode.Scalar(characters)))" }
    return text + (isKeypadChanged ? "\u{1b}=" : "")
  }

  /// For a terminal of which nobody knows what was changed. The cursor is saved first, for one that shows its first screen:
  /// what leaves the other restores it.
  static let undoOfAll: String = {
    var all = ScreenModes()
    // Mode 6 would move the cursor, and goes with the other screen.
    all.changed = usual.union(others).subtracting([6, 47, 1047])
    (all.region, all.otherKeys, all.shape, all.keyboards[1]) = ([1, 1], 1, 1, [0])
    return "\u{1b}7" + all.undo
  }()
}
