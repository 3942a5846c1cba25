import FoundationEssentials
import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobService

struct JSONTextTests {
  /// Bytes as one JSON string, fed in pieces of `size`.
  private func string(_ bytes: [UInt8], size: Int) throws -> String {
    var out: [UInt8] = [0x5b, 0x22]
    var text = JSONText()
    var rest = bytes[...]
    while !rest.isEmpty {
      text.append(rest.prefix(size), to: &out)
      rest = rest.dropFirst(size)
    }
    text.finish(&out)
    out += [0x22, 0x5d]
    return try JSONDecoder().decode([String].self, from: Data(out))[0]
  }

  @Test(arguments: [1, 2, 3, 7, 4096])
  func everyByteIsKeptOrReplaced(size: Int) throws {
    var random = SplitMix(seed: UInt64(size))
    for _ in 0..<300 {
      // Mostly multi-byte beginnings and continuations, which is where it is hard.
      let bytes = (0..<64).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0x80...0xff, using: &random) : UInt8.random(in: 0...0x7f, using: &random)
      }
      #expect(try string(bytes, size: size) == String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func textSurvives() throws {
    let text = "a\"b\\c\n\r\t\u{1}\u{1f} ü € 😀 \u{7f}"
    #expect(try string(Array(text.utf8), size: 1) == text)
  }
}

struct TimeTextTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000Z"), (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
    (951_782_400_000_007, "2000-02-29T00:00:00.000007Z"),
  ])
  func timesAreWrittenAndRead(microseconds: Int64, text: String) {
    #expect(TimeText.text(microseconds) == text)
    #expect(TimeText.microseconds(text) == microseconds)
  }

  @Test func zonesAndShortFractionsAreRead() {
    #expect(TimeText.microseconds("1970-01-01T01:00:00.5+01:00") == 500_000)
    #expect(TimeText.microseconds("1969-12-31t23:00:00-01:00") == 0)
  }

  @Test(arguments: [
    "", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-01-01T24:00:00Z",
    "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00Zx", "+970-01-01T00:00:00Z",
  ])
  func anythingElseIsNot(text: String) { #expect(TimeText.microseconds(text) == nil) }

  @Test func aDayThatTheMonthDoesNotHaveIsNone() {
    for text in ["2026-02-29T00:00:00Z", "2026-04-31T23:59:60Z", "2026-06-00T00:00:00Z"] {
      #expect(TimeText.microseconds(text) == nil, "\(text)")
    }
    #expect(TimeText.microseconds("2028-02-29T23:59:60Z") == TimeText.microseconds("2028-03-01T00:00:00Z"))
  }
}

struct BatchBodyTests {
  @Test func theHandLaidBodySaysWhatTheTypeSays() throws {
    let results = [
      BatchReply.Result(id: JobID(microseconds: 1, random: 1)),
      BatchReply.Result(error: "member \"cmd\" is\nmissing: é\u{1}", status: 400),
      BatchReply.Result(id: JobID(microseconds: 2_000_000, random: .max)),
    ]
    for count in 0...results.count {
      let reply = BatchReply(results: Array(results.prefix(count)))
      #expect(try JSONDecoder().decode(BatchReply.self, from: Data(BatchBody.encode(reply.results))) == reply)
    }
  }
}

struct StatusBodyTests {
  private static let id = JobID(microseconds: 1, random: 1)

  private func reply(_ change: (inout JobRecord) -> Void) throws -> (StatusReply, StatusReply) {
    var record = JobRecord(id: Self.id, client: 1, created: 1)
    change(&record)
    var bytes: [UInt8] = []
    StatusBody.encode(record, into: &bytes)
    return (try JSONDecoder().decode(StatusReply.self, from: Data(bytes)), record.statusReply)
  }

  @Test func theHandLaidBodySaysWhatTheTypeSays() throws {
    let bodies = [
      try reply { _ in },
      try reply { $0.state = .completed },
      try reply { ($0.state, $0.exitCode, $0.signal) = (.completed, 137, 9) },
      try reply { ($0.state, $0.exitCode, $0.flags) = (.completed, 143, .timedOut) },
      try reply { ($0.state, $0.error) = (.error, "exec: \"x\"\nü") },
      try reply { ($0.state, $0.endedBy) = (.completed, .outputLimit) },
      try reply { ($0.state, $0.endedBy, $0.stopAsked) = (.completed, .shutdown, 1_700_000_000_000_000) },
      try reply {
        ($0.state, $0.endedBy, $0.stopper, $0.stopAsked) = (.completed, .stop, "a \"b\" ü", 5)
      },
      // Only asked for.
      try reply { ($0.endedBy, $0.stopper, $0.stopAsked) = (.stop, "alice", 5) },
    ]
    for (laid, expected) in bodies { #expect(laid == expected) }
  }
}
