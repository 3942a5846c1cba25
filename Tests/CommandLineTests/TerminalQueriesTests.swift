import Testing

@testable import jobctl

struct TerminalQueriesTests {
  private func shown(_ pieces: [String]) -> String {
    var queries = TerminalQueries()
    let bytes = pieces.flatMap { queries.drop(from: $0.utf8) } + queries.release()
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(
    arguments: [
      "\u{1b}[6n", "\u{1b}[5n", "\u{1b}[?6n", "\u{1b}[?996n", "\u{1b}[c", "\u{1b}[0c", "\u{1b}[>c",
      "\u{1b}[>0c",
      "\u{1b}[=c", "\u{1b}Z", "\u{1b}[>q", "\u{1b}[>0q", "\u{1b}[?2026$p", "\u{1b}[4$p", "\u{1b}[1$w",
      "\u{1b}[?u",
      "\u{1b}[x", "\u{1b}[14t", "\u{1b}[18t", "\u{1b}[14;2t", "\u{1b}[21t", "\u{1b}[?4m", "\u{1b}[?1;1;0S",
      "\u{1b}]10;?\u{1b}\\", "\u{1b}]11;?\u{7}", "\u{1b}]4;1;?\u{7}", "\u{1b}]52;c;?\u{1b}\\",
      "\u{1b}]21;foreground=?\u{1b}\\", "\u{1b}]1337;ReportCellSize\u{7}", "\u{1b}P$qm\u{1b}\\",
      "\u{1b}P+q544e\u{1b}\\", "\u{1b}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1b}\\", "\u{5}",
    ])
  func whatIsAnsweredIsTakenOut(query: String) {
    #expect(shown(["a\(query)b"]) == "ab")
    for place in query.utf8.indices {
      #expect(shown(["a" + query[..<place], query[place...] + "b"]) == "ab", "broken at \(place)")
    }
    #expect(shown(query.utf8.map { String(Unicode.Scalar($0)) }) == "")
  }

  @Test(
    arguments: [
      "text\r\n\t\u{8}", "\u{1b}[31mred\u{1b}[0m", "\u{1b}[>4;1m", "\u{1b}[>4n", "\u{1b}[?8c", "\u{1b}[!p",
      "\u{1b}[2 q", "\u{1b}[1;5r", "\u{1b}[8;24;80t", "\u{1b}[22;0t", "\u{1b}[>1u", "\u{1b}[<u", "\u{1b}[u",
      "\u{1b}[?1049h", "\u{1b}(B", "\u{1b}7\u{1b}8", "\u{1b}[S", "\u{1b}]0;title? n\u{7}",
      "\u{1b}]8;;https://example.org/?a=b\u{1b}\\", "\u{1b}]52;c;YQ==\u{7}", "\u{1b}Pq#0;2;0;0;0~\u{1b}\\",
      "\u{1b}_Gi=3,q=2,f=24;AAAA\u{1b}\\", "\u{1b}_Gf=24;AAAA\u{1b}\\", "\u{1b}[6", "\u{1b}]11;?", "\u{1b}",
      "\u{1b}]0;cut \u{1b}[1m", "\u{1b}]0;cut\u{18}n", "\u{1b}[12\u{1b}[31m", "é – 漢",
    ])
  func theRestIsShown(text: String) {
    #expect(shown(["a\(text)b"]) == "a\(text)b")
    var queries = TerminalQueries()
    let bytes = text.utf8.flatMap { queries.drop(from: [$0]) } + queries.release()
    #expect(bytes == Array(text.utf8))
  }

  /// A broken one hides no query behind it.
  @Test func aQueryAfterWhatIsBrokenOffIsFound() {
    #expect(shown(["\u{1b}]0;cut\u{1b}[6n!"]) == "\u{1b}]0;cut!")
    #expect(shown(["\u{1b}[12\u{1b}[6n!"]) == "\u{1b}[12!")
    #expect(shown(["\u{1b}\u{1b}[6n!"]) == "\u{1b}!")
  }

  /// A picture is not kept until its end.
  @Test func whatIsLongIsShownAsItComes() {
    var queries = TerminalQueries()
    let picture = "\u{1b}Pq" + String(repeating: "~", count: 20_000)
    #expect(queries.drop(from: picture.utf8).count == picture.utf8.count)
    #expect(queries.drop(from: "\u{1b}\\\u{1b}[6n.".utf8) == Array("\u{1b}\\.".utf8))
  }
}
