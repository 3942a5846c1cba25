import Testing

@testable import jobctl

struct DetachKeysTests {
  private static let (p, q): (UInt8, UInt8) = (0x10, 0x11)

  /// What is typed, piece by piece; what of it is the job's, with what is held back at the end; and whether it left the job.
  @Test(
    arguments: [
      ([[1, 2, 3]], [1, 2, 3], false), ([[p, q]], [], true), ([[p], [q]], [], true),
      ([[1, p], [q, 2]], [1], true), ([[p, 1]], [p, 1], false), ([[p], [p], [q]], [p], true),
      ([[p, p, p, 7]], [p, p, p, 7], false), ([[q, p]], [q, p], false), ([[q], [p], [q, 9]], [q], true),
    ] as [([[UInt8]], [UInt8], Bool)])
  func noKeyIsLostButThoseThatLeave(typed: [[UInt8]], job: [UInt8], leaves: Bool) throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    var (passed, isLeft) = ([UInt8](), false)
    for piece in typed where !isLeft {
      let taken = keys.take(piece)
      (passed, isLeft) = (passed + taken.passed, taken.isLeft)
    }
    #expect(isLeft == leaves)
    if !isLeft { passed += keys.release() }
    #expect(passed == job && !(keys.holdsBack && !isLeft))
  }

  @Test func aKeyIsHeldBackOnlyAsLongAsItMayBeTheFirst() throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    #expect(keys.take([Self.p]) == ([], false) && keys.holdsBack)
    #expect(keys.release() == [Self.p] && !keys.holdsBack)
    #expect(keys.take([Self.q]) == ([Self.q], false), "the sequence begins anew")
  }

  @Test func aSequenceThatBeginsWithItselfIsFound() throws {
    var keys = try #require(DetachKeys("ctrl-p,ctrl-p,ctrl-q"))
    #expect(keys.take([Self.p, Self.p, Self.p, Self.q]) == ([Self.p], true))
  }

  @Test(
    arguments: [
      ("a", [0x61]), ("ctrl-a", [1]), ("ctrl-A,x", [1, 0x78]), ("ctrl-@", [0]),
      ("ctrl-],ctrl-_", [0x1d, 0x1f]),
    ] as [(String, [UInt8])])
  func keysAreRead(text: String, bytes: [UInt8]) throws {
    var keys = try #require(DetachKeys(text))
    #expect(keys.take(bytes) == ([], true))
  }

  @Test(arguments: ["ctrl-", "ctrl-1", "ab", ",", "a,", "ctrl-p ctrl-q", "ä", " "])
  func whatIsNoKeyIsRefused(text: String) { #expect(DetachKeys(text) == nil) }

  @Test func withoutKeysNothingLeaves() throws {
    var keys = try #require(DetachKeys(""))
    #expect(keys.take([Self.p, Self.q]) == ([Self.p, Self.q], false) && !keys.holdsBack)
  }
}

struct ScreenModesTests {
  private func undo(_ pieces: String...) -> String {
    var modes = ScreenModes()
    for piece in pieces { Array(piece.utf8).withUnsafeBytes { modes.take($0) } }
    return modes.undo
  }

  private static let reset = "\u{1b}[0m\u{1b}>"

  @Test func whatAProgramChangedIsUndone() {
    #expect(undo("text \u{1b}[31m red \u{1b}[2J") == "")
    #expect(
      undo("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?1h\u{1b}=") == Self.reset + "\u{1b}[?1l\u{1b}[?25h\u{1b}[?1049l")
    #expect(undo("\u{1b}[?1000;1006h") == Self.reset + "\u{1b}[?1000l\u{1b}[?1006l")
    #expect(undo("\u{1b}[?7l") == Self.reset + "\u{1b}[?7h")
  }

  @Test func whatItChangedBackIsNot() {
    #expect(undo("\u{1b}[?1049h\u{1b}=\u{1b}[?25l", "x", "\u{1b}[?25h\u{1b}[?1049l\u{1b}>") == "")
    #expect(undo("\u{1b}[?25h\u{1b}[?12h\u{1b}[?99999999999999999999h") == "")
  }

  @Test func piecesMayBreakAnywhere() {
    let text = "a\u{1b}[?1049h"
    for place in text.utf8.indices {
      #expect(undo(String(text[..<place]), String(text[place...])) == Self.reset + "\u{1b}[?1049l")
    }
    #expect(undo("\u{1b}\u{1b}[?2004h") == Self.reset + "\u{1b}[?2004l", "one that is broken off")
  }
}

struct TerminalWriterTests {
  @Test func isPrintableAndShort() {
    #expect(TerminalWriter.text("alice", "laptop", "pts/3", 4711) == "alice@laptop pts/3 (4711)")
    let long = TerminalWriter.text("ä b", String(repeating: "h", count: 300), "pts/3", .max)
    #expect(long.hasPrefix("???b@hhh") || long.hasPrefix("??"))
    #expect(long.utf8.count <= 128 && long.utf8.allSatisfy { (0x20...0x7e).contains($0) })
  }
}
