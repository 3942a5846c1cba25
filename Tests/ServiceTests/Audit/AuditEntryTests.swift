import JobAPI
import JobModel
import Testing

@testable import JobSupervisor

struct AuditEntryTests {
  private func text(_ entry: AuditEntry) -> String { String(decoding: entry.line, as: UTF8.self) }

  @Test func aCreation() {
    var entry = AuditEntry(.create, at: 1_700_000_000_000_042)
    entry.peer = Peer(
      name: "alice", role: .owner, serial: "0A", fingerprint: "ff00", address: "127.0.0.1:1")
    entry.job = JobID(high: 1, low: 2)
    (entry.command, entry.runner, entry.user) = (["echo", "a b"], "sandbox", "build")
    entry.traceparent = "00-a-b-01"
    entry.removes = true
    #expect(
      text(entry) == """
        {"time":"2023-11-14T22:13:20.000042Z","event":"create","outcome":"success","client":"alice",\
        "role":"owner","serial":"0A","fingerprint":"ff00","address":"127.0.0.1:1","job":"\(entry.job!)",\
        "command":["echo","a b"],"runner":"sandbox","user":"build","rm":true,"traceparent":"00-a-b-01"}

        """)
  }

  @Test func whatWasNotCarriedOut() {
    var entry = AuditEntry(.signal, at: 0)
    (entry.failure, entry.signal, entry.owner) = ("the job has ended", 15, "bob")
    #expect(
      text(entry) == """
        {"time":"1970-01-01T00:00:00.000000Z","event":"signal","outcome":"failure",\
        "reason":"the job has ended","owner":"bob","signal":15,"signal_name":"TERM"}

        """)
  }

  @Test func ofARefusedCommandThereIsTheBeginning() {
    var entry = AuditEntry(.create, at: 0)
    entry.command = ["echo", String(repeating: "x", count: 1019), "last"]
    #expect(text(entry).contains("x\",\"last\"]}"))
    entry.failure = "no"
    #expect(text(entry).contains("x\",\"l\"],\"command_cut\":true}"))
    entry.command.removeLast()
    #expect(text(entry).hasSuffix("x\"]}\n"))
  }

  /// What is escaped is longer in the line than in the request.
  @Test func aLineIsBounded() {
    var entry = AuditEntry(.create, at: 0)
    entry.command = Array(repeating: String(repeating: "\u{7f}", count: 10_000), count: 400)
    #expect(entry.line.count < Int(AuditFile.room) / 2 && text(entry).hasSuffix(",\"command_cut\":true}\n"))
  }

  @Test func aGapHasNoOutcome() {
    var entry = AuditEntry(.gap, at: 0)
    entry.lost = 3
    #expect(text(entry) == "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"gap\",\"lost\":3}\n")
  }

  /// By ends of lines of all kinds, quotation marks, and what a terminal or reader takes for something else.
  @Test func noValueForgesALine() {
    var entry = AuditEntry(.create, at: 0)
    entry.command = ["a\n{\"event\":\"x\"}", "\r\u{2028}\u{2029}\u{85}\u{1b}[2J\0", "\u{202e}\u{e0001}ü\\"]
    let line = text(entry)
    #expect(
      line.hasSuffix(
        #""command":["a\n{\"event\":\"x\"}","\u000d\u2028\u2029\u0085\u001b[2J\u0000","\u202e\udb40\udc01ü\\"]}"#
          + "\n"))
    #expect(line.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
  }
}
