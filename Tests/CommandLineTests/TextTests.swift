import JobAPI
import Platform
import Testing

@testable import jobctl

@Suite struct TextTests {
  @Test(arguments: [
    ("plain-1.0/x", "plain-1.0/x"), ("", "''"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#), ("$(x)", "'$(x)'"),
    ("a\u{1b}[31mb\n", "'a?[31mb?'"), ("ü", "'ü'"),
  ])
  func wordsAreQuotedAsAShellReadsThem(word: String, quoted: String) { #expect(Text.quote(word) == quoted) }

  @Test func textIsCutByColumns() {
    #expect(Text.cut("abcdef", 6) == "abcdef" && Text.cut("abcdef", 5) == "abcd…")
    #expect(Text.cut("日本語テキスト", 7) == "日本語…" && DisplayWidth.of("日本") == 4)
    #expect(Text.pad("日本", 6) == "日本  " && DisplayWidth.of("e\u{301}") == 1)
  }

  @Test func wordsAreWrapped() {
    #expect(TextWrap.lines("one two three four", width: 9) == ["one two", "three", "four"])
    #expect(TextWrap.lines("averylongword x", width: 5) == ["averylongword", "x"])
  }

  @Test(
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (10_240, "10 KiB"), (64 << 20, "64 MiB"),
      (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB"),
    ] as [(Int64, String)])
  func bytesAreShort(bytes: Int64, text: String) { #expect(ByteCount.text(bytes) == text) }

  @Test(
    arguments: [(-5, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (172_800, "2d")] as [(Int64, String)])
  func agesAreShort(seconds: Int64, text: String) { #expect(Age.text(seconds: seconds) == text) }

  @Test func progressTellsHowFarAndHowFast() {
    let time = TestClock()
    var known = Progress(total: 4 << 20, time.clock, draw: nil)
    var unknown = Progress(total: nil, time.clock, draw: nil)
    known.advance(by: 1 << 20)
    unknown.advance(by: 2048)
    time.pass(milliseconds: 500)
    #expect(known.text == "1.0 MiB of 4.0 MiB (25 %), 2.0 MiB/s")
    time.pass(milliseconds: 500)
    #expect(unknown.text == "2.0 KiB, 2.0 KiB/s")
  }

  @Test func progressIsShownOnceItTakesAWhile() {
    let (time, drawn) = (TestClock(), Mutex<[String]>([]))
    var progress = Progress(total: 8 << 20, time.clock) { text in drawn.withLock { $0.append(text) } }
    for _ in 0..<14 {
      time.pass(milliseconds: 100)
      progress.advance(by: 1 << 20)
    }
    #expect(
      drawn.withLock { $0 } == ["11 MiB of 8.0 MiB (137 %), 10 MiB/s", "14 MiB of 8.0 MiB (175 %), 10 MiB/s"])
    progress.finish()
    #expect(drawn.withLock { $0.last } == "")
  }

  @Test func whatATerminalWouldNotShowAsItIsIsNotShown() {
    for scalar in [0x07, 0x1b, 0x85, 0x200b, 0x200e, 0x202e, 0x2066, 0x2028, 0xfeff, 0xe0041, 0x3164, 0xfe0f]
      as [UInt32]
    {
      let text = "a\(Unicode.Scalar(scalar)!)b"
      #expect(Text.printable(text) == "a?b", "\(String(scalar, radix: 16))")
      #expect(Text.quote(text) == "'a?b'")
    }
    #expect(Text.printable("naïve ☃ 日本 😀") == "naïve ☃ 日本 😀")
  }

  @Test func aScreenHoldsTheFirstLines() {
    let text = (1...10).map { "\($0)\n" }.joined()
    #expect(Text.first(11, text) == text && Text.first(nil, text) == text)
    #expect(Text.first(10, text) == "1\n2\n3\n4\n5\n6\n7\n8\n... and 2 more\n")
    #expect(Text.first(2, text) == "1\n... and 9 more\n")
  }

  @Test func suggestionsAreNearOrNone() {
    #expect(Suggestion.text(for: "stauts", among: ["status", "start"]) == "; did you mean status?")
    #expect(Suggestion.text(for: "frobnicate", among: ["status", "start"]).isEmpty)
  }

  @Test func statesAreSaidInWords() {
    #expect(StatusText.line(StatusReply(status: .running)) == "running")
    #expect(
      StatusText.line(StatusReply(status: .error, errorMessage: "no\u{7}pe")) == "error: no?pe")
    #expect(
      StatusText.line(StatusReply(status: .completed, exitCode: 143, signal: 15, timedOut: true))
        == "completed, exit code 143, ended by signal TERM, timed out")
  }
}
