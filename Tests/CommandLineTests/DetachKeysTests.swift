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

  /// As terminals send them where a program asked for modifyOtherKeys or kitty's protocol.
  @Test(
    arguments: [
      ["\u{1b}[27;5;112~", "\u{1b}[27;5;113~"], ["\u{1b}[112;5u", "\u{1b}[113;5u"],
      ["\u{1b}[112;5u\u{1b}[113;5u"], ["\u{10}", "\u{1b}[113;5u"], ["\u{1b}[112;133u\u{1b}[113;197u"],
      ["\u{1b}[112;5:1u", "\u{1b}[112;5:3u", "\u{1b}[113;5:1u"], ["\u{1b}[11", "2;5u\u{1b}", "[113;5u"],
      ["\u{10}\u{1b}[112;5u\u{11}"], ["\u{1b}[A\u{10}\u{11}"],
    ])
  func keysLeaveInEveryForm(typed: [String]) throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    for piece in typed.dropLast() { #expect(!keys.take(piece.utf8).isLeft) }
    #expect(keys.take(typed.last!.utf8).isLeft)
  }

  @Test(
    arguments: [
      "\u{1b}", "\u{1b}[A", "\u{1b}[112;6u\u{1b}[113;5u", "\u{1b}[112;5u\u{1b}[114;5u", "\u{10}\u{1b}[B",
      "\u{1b}[27;5;112~\u{1b}[27;6;113~", "\u{1b}[112;5:3u\u{11}", "\u{1b}\u{1b}[112;5u",
    ])
  func formsOfOtherKeysAreTheJobs(typed: String) throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    let taken = keys.take(typed.utf8)
    let all = taken.passed + keys.release()
    #expect(!taken.isLeft && all == Array(typed.utf8))
  }

  @Test func theEscapeKeyIsNotLate() throws {
    var keys = try #require(DetachKeys(DetachKeys.standard))
    _ = keys.take([Self.p])
    #expect(keys.patience == 500)
    _ = keys.take([0x1b])
    #expect(keys.holdsBack && keys.patience == 20)
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
      ("a", [0x61]), ("ctrl-a", [1]), ("ctrl-]", Array("\u{1b}[93;5u".utf8)), ("ctrl-A,x", [1, 0x78]),
      ("ctrl-@", [0]),
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

  private static let reset = "\u{1b}(B\u{f}\u{1b}>\u{1b}[0m"

  /// What a program writes, what is undone of it, and that it is as before once that is written.
  @Test(
    arguments: [
      ("text \u{1b}[31m red \u{1b}[2J", ""), ("\u{1b}[38;5;0m", ""), ("\u{1b}(0lqk", ""), ("\u{1b}=", ""),
      ("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?1h\u{1b}=", "\u{1b}[?1l\u{1b}[?25h\u{1b}[?1049l"),
      ("\u{1b}[?1000;1006;1016h", "\u{1b}[?1000l\u{1b}[?1006l\u{1b}[?1016l"), ("\u{1b}[?7l", "\u{1b}[?7h"),
      ("\u{1b}[?5h\u{1b}[?6h\u{1b}[?9h", "\u{1b}[?5l\u{1b}[?6l\u{1b}[?9l"),
      ("\u{1b}[2;20r", "\u{1b}7\u{1b}[r\u{1b}8"), ("\u{1b}[>4;2m", "\u{1b}[>4;0m"),
      ("\u{1b}[5 q", "\u{1b}[0 q"),
      ("\u{1b}[>1u\u{1b}[?1049h\u{1b}[>1u\u{1b}[>3u", "\u{1b}[<2u\u{1b}[?1049l\u{1b}[<1u"),
    ])
  func whatAProgramChangedIsUndone(written: String, undone: String) {
    #expect(undo(written) == undone + Self.reset)
    #expect(undo(written, undo(written)) == "")
  }

  @Test func whatItChangedBackIsNot() {
    #expect(undo("\u{1b}[?1049h\u{1b}=\u{1b}[?25l", "x", "\u{1b}[?25h\u{1b}[?1049l\u{1b}>") == "")
    #expect(undo("\u{1b}[?25h\u{1b}[?12h\u{1b}[?99999999999999999999h") == "")
    #expect(undo("\u{1b}[1;31mred\u{1b}[m\u{1b}[32mgreen\u{1b}[0m\u{1b}(0x\u{1b}(B") == "")
    #expect(undo("\u{1b}[2;9r\u{1b}[r\u{1b}[>4;2m\u{1b}[>4m\u{1b}[5 q\u{1b}[ q\u{1b}[>1u\u{1b}[<u") == "")
    #expect(undo("\u{1b}[?1049h\u{1b}[31m\u{1b}[2;9r\u{1b}[>1u\u{1b}[?5h\u{1b}c") == "", "a hard reset")
  }

  /// While jobctl is stopped the terminal is as before, and then as the job had it.
  @Test(
    arguments: [
      "\u{1b}[?7l\u{1b}[?25l\u{1b}[?1049h", "\u{1b}[>1u\u{1b}[?1049h\u{1b}[>3u",
      "\u{1b}[2;9r\u{1b}[>4;2m\u{1b}[5 q\u{1b}(0\u{1b}=",
    ])
  func whatIsUndoneIsDoneAgain(written: String) {
    var modes = ScreenModes()
    Array(written.utf8).withUnsafeBytes { modes.take($0) }
    #expect(modes.redo == written)
  }

  @Test func allIsUndoneWhereNobodyKnows() {
    let all = ScreenModes.undoOfAll
    for part in ["?1049l", "?25h", "?7h", "?1000l", "?2004l", "r", "<1u", ">4;0m", "0m"] {
      #expect(all.contains("\u{1b}[\(part)"), "\(part)")
    }
  }

  @Test func piecesMayBreakAnywhere() {
    let text = "a\u{1b}[?1049h"
    for place in text.utf8.indices {
      #expect(undo(String(text[..<place]), String(text[place...])) == "\u{1b}[?1049l" + Self.reset)
    }
    #expect(undo("\u{1b}\u{1b}[?2004h") == "\u{1b}[?2004l" + Self.reset, "one that is broken off")
  }
}

struct ResizeWishTests {
  @Test func manyChangesAreOne() {
    var wish = ResizeWish()
    let isFirst = [false, true, false].map { wish.add(redraw: $0) }
    #expect(isFirst == [true, false, false])
    let isRedraw = wish.take()
    #expect(isRedraw, "it is not forgotten that the screen is to be drawn again")
    let isNext = wish.add(redraw: false)
    let isAgain = wish.take()
    #expect(isNext && !isAgain)
  }
}

struct TerminalWriterTests {
  @Test func isPrintableAndShort() {
    #expect(TerminalWriter.text("alice", "laptop", "pts/3", "4711-5f0c") == "alice@laptop pts/3 (4711-5f0c)")
    let long = TerminalWriter.text("ä b", String(repeating: "h", count: 300), "pts/3", "\(Int32.max)-ffff")
    #expect(long.hasPrefix("???b@hhh"))
    #expect(long.utf8.count <= 128 && long.utf8.allSatisfy { (0x20...0x7e).contains($0) })
  }
}
