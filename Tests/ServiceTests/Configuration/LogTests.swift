import Glibc
import Testing

@testable import JobModel
@testable import Platform

@Suite struct LogTests {
  /// What `body` logs.
  private func lines(level: LogLevel = .info, burst: Int = 100, _ body: (Log) -> Void) throws -> [String] {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    body(Log(level: level, descriptor: ends[1], burst: burst))
    close(ends[1])
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = read(ends[0], &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map(
      String.init)
  }

  @Test func writesOneLineAnEntry() throws {
    let lines = try lines { $0.info("listening", ["address": "127.0.0.1:7443", "workers": "2"]) }
    #expect(lines.count == 1)
    #expect(
      lines[0].wholeMatch(
        of:
          #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info event=listening address=127\.0\.0\.1:7443 workers=2/#
      ) != nil, "\(lines)")
  }

  /// The journal reads the level from the line, and has its own time.
  @Test func theJournalReadsTheLevel() throws {
    var info = stat()
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(null) }
    try #require(fstat(null, &info) == 0)
    let own = "\(info.st_dev):\(info.st_ino)"
    #expect(Log.isJournal(null, ["JOURNAL_STREAM": own]))
    #expect(!Log.isJournal(null, ["JOURNAL_STREAM": "0:1"]) && !Log.isJournal(null, [:]))
    #expect(LogLine(inJournal: .error, "x").text == "<3>level=error event=x")
    #expect(LogLevel.allCases.map(\.journalPrefix) == ["<3>", "<4>", "<6>", "<7>"])
  }

  @Test func timeIsRight() {
    #expect(LogLine(.warn, "x", 1_767_225_600_007_000).text == "2026-01-01T00:00:00.007Z level=warn event=x")
  }

  @Test func levels() throws {
    func all(_ level: LogLevel) throws -> Int {
      try lines(level: level) { log in
        log.error("a")
        log.warn("b")
        log.info("c")
        log.debug("d")
      }.count
    }
    #expect(try LogLevel.allCases.map(all) == [1, 2, 3, 4])
  }

  @Test(arguments: [
    ("plain-1.2:3/x", "plain-1.2:3/x"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""),
    ("a\"b", "\"a\\\"b\""),
    ("a\\b", "\"a\\\\b\""),
    ("x\n2026-01-01T00:00:00.000Z level=info", "\"x\\n2026-01-01T00:00:00.000Z level=info\""),
    ("\u{1b}[31m", "\"\\u{1b}[31m\""),
    ("\r\0\u{85}\u{2028}\u{202e}", "\"\\u{d}\\u{0}\\u{85}\\u{2028}\\u{202e}\""),
    ("Zoë", "\"Zoë\""),
  ]) func nothingForgesALine(value: String, written: String) throws {
    var line = LogLine(.info, "e", 0)
    line.add("v", value)
    #expect(line.text == "1970-01-01T00:00:00.000Z level=info event=e v=\(written)")
    #expect(try lines { $0.info("e", ["v": value]) }.count == 1)
  }

  @Test func longValuesAreCut() {
    var line = LogLine(.info, "e", 0)
    line.add("v", String(repeating: "é", count: 100_000))
    #expect(line.text.utf8.count < 2200 && line.text.hasSuffix("...\""))
  }

  @Test func whatHappensTooOftenIsCounted() throws {
    let lines = try lines(burst: 5) { log in
      for _ in 0..<50 { log.warn("peer_failed") }
      log.warn("other")
    }
    #expect(lines.count == 6)
    let limiter = LogLimiter(burst: 5)
    for index in 0..<12 { #expect(limiter.admit("e", now: 1) == (index < 5 ? 0 : nil)) }
    #expect(limiter.admit("e", now: 10_000_001) == 7)
    #expect(limiter.admit("e", now: 10_000_002) == 0)
    // A clock that was set back does not silence anything.
    #expect(limiter.admit("e", now: -100_000_000) == 0)
  }

  @Test func linesOfManyThreadsStayWhole() throws {
    let lines = try lines(burst: 1000) { log in
      let threads = (0..<4).compactMap { number in
        try? SystemThread.start("logger") {
          for _ in 0..<50 { log.info("entry", ["text": String(repeating: "\(number)", count: 50)]) }
        }
      }
      for thread in threads { pthread_join(thread, nil) }
    }
    #expect(lines.count == 200)
    #expect(
      lines.allSatisfy {
        $0.hasSuffix("0000") || $0.hasSuffix("1111") || $0.hasSuffix("2222") || $0.hasSuffix("3333")
      })
  }
}
