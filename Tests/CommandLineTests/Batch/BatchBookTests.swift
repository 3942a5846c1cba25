import JobAPI
import Testing

@testable import jobctl

@Suite struct BatchBookTests {
  private let ids = (0..<9).map { JobID(microseconds: Int64($0) * 1000, random: UInt64($0)) }
  private let good = StatusReply(status: .completed, exitCode: 0, endedBy: .exit)
  private let bad = StatusReply(status: .completed, exitCode: 3, endedBy: .exit)
  private let never = StatusReply(status: .error, errorMessage: "stopped", endedBy: .stop)

  private func job(_ number: Int) -> BatchBook.Job {
    BatchBook.Job(line: BatchLine(number: number, text: "x"))
  }

  private func event(_ kind: JobEvent.Kind, _ id: JobID, _ status: StatusReply? = nil) -> JobEvent {
    JobEvent(seq: 1, time: "", event: kind, id: id, status: status)
  }

  /// With the first so many of the jobs sent.
  private func book(_ rules: BatchBook.Rules = BatchBook.Rules(), sent count: Int) -> BatchBook {
    var book = BatchBook(rules)
    for number in 0..<count { book.sent(job(number), as: ids[number], now: 0) }
    return book
  }

  @Test func aJobIsCountedWhereItIs() {
    var book = book(sent: 2)
    #expect((book.counts.waiting, book.counts.running) == (2, 0))
    book.take(event(.started, ids[0]))
    book.take(event(.started, ids[0]))
    #expect((book.counts.waiting, book.counts.running) == (1, 1))
    book.take(event(.finished, ids[0], good))
    book.take(event(.finished, ids[1], good))
    #expect(book.counts == BatchBook.Counts(succeeded: 2) && !book.isBusy && book.isWhole)
  }

  @Test func whatIsToldBeforeTheReplyIsNotLost() {
    var book = BatchBook(BatchBook.Rules())
    book.take(event(.finished, ids[0], good))
    book.requestBegins()
    book.take(event(.created, ids[1]))
    book.take(event(.started, ids[2]))
    book.take(event(.finished, ids[3], good))
    for number in 0..<4 { book.sent(job(number), as: ids[number], now: 10) }
    book.requestEnded()
    #expect((book.counts.waiting, book.counts.running, book.counts.succeeded) == (2, 1, 1))
    #expect(book.unseen(before: 9, most: 9).isEmpty)
    #expect(
      book.unseen(before: 10, most: 9) == [ids[0]], "of the first nothing was told while it was asked for")
    book.learn(ids[0], good)
    #expect(book.counts.succeeded == 2)
  }

  @Test func aFailureEndsTheRestUnlessItGoesOn() {
    for goesOn in [false, true] {
      var book = book(BatchBook.Rules(keepsGoing: goesOn), sent: 3)
      book.take(event(.finished, ids[0], bad))
      let ended = book.nextEnded()!
      #expect(book.verdict(ended) == .failed && book.isBusy)
      book.close(.failed)
      #expect(book.isStopping == !goesOn && book.counts.failed == 1)
      #expect(book.waiting == [ids[2], ids[1]], "the newest first")
      book.learn(ids[1], never)
      #expect(book.verdict(book.nextEnded()!) == (goesOn ? .again(attempt: 2, tries: 1) : .notRun))
    }
  }

  @Test func aFailureIsTriedAgain() {
    var book = BatchBook(BatchBook.Rules(retries: 1))
    var job = job(1)
    book.sent(job, as: ids[0], now: 0)
    book.take(event(.finished, ids[0], bad))
    #expect(book.verdict(book.nextEnded()!) == .again(attempt: 2, tries: 2))
    (job.attempt, job.tries) = (2, 2)
    book.sent(job, as: ids[1], now: 0)
    book.close(.again(attempt: 2, tries: 2))
    #expect(book.isBusy && book.counts.failed == 0)
    book.take(event(.finished, ids[1], bad))
    #expect(book.verdict(book.nextEnded()!) == .failed)
  }

  @Test func whatNeverRanIsRunByWhoGoesOn() {
    var book = book(sent: 2)
    book.take(event(.queued, ids[0]))
    book.take(event(.finished, ids[0], never))
    #expect(book.verdict(book.nextEnded()!) == .notRun, "somebody took it out meanwhile")
    book.learn(ids[1], never)
    #expect(book.verdict(book.nextEnded()!) == .again(attempt: 2, tries: 1), "it was before")
  }

  @Test func whatIsGoneHasFailedUnlessSuccessesAreRemoved() {
    for removes in [false, true] {
      var book = book(BatchBook.Rules(removesSuccesses: removes), sent: 1)
      book.learn(ids[0], nil)
      guard !removes else {
        #expect(book.counts.succeeded == 1)
        continue
      }
      #expect(book.verdict(book.nextEnded()!) == .failed)
    }
  }

  @Test func roomIsBounded() {
    var book = BatchBook(BatchBook.Rules(fewWaiting: 2))
    #expect(book.hasRoom)
    for number in 0..<2 { book.sent(job(number), as: ids[number], now: 0) }
    #expect(!book.hasRoom)
    book.take(event(.started, ids[0]))
    #expect(book.hasRoom)
    let huge = BatchLine(number: 3, text: String(repeating: "x", count: 65 << 20))
    book.sent(BatchBook.Job(line: huge), as: ids[2], now: 0)
    book.take(event(.started, ids[1]))
    #expect(!book.hasRoom, "lines take memory")
    book.take(event(.finished, ids[2], good))
    #expect(book.hasRoom)
  }

  @Test func afterAGapAllAreAskedFor() {
    var book = book(sent: 2)
    for id in ids.prefix(2) { book.take(event(.created, id)) }
    #expect(book.unseen(before: .max, most: 9).isEmpty)
    book.lookAgain(now: 5)
    #expect(Set(book.unseen(before: 5, most: 9)) == Set(ids.prefix(2)))
  }

  @Test func progressSaysHowLongItTakes() {
    let time = TestClock()
    let progress = BatchProgress(total: 1000, time.clock)
    time.pass(milliseconds: 2000)
    var counts = BatchBook.Counts(succeeded: 190, failed: 20, running: 8, waiting: 3, before: 10)
    #expect(progress.line(counts) == "210 of 1000 done, 20 failed, 8 running, 3 waiting, 100.0/s, 7.9 s left")
    #expect(
      progress.summary(counts)
        == "1000 commands: 190 succeeded, 20 failed, 790 not run, 10 of them by an earlier run, in 2.0 s")
    counts = BatchBook.Counts(succeeded: 1)
    #expect(BatchProgress(total: nil, time.clock).summary(counts).hasPrefix("1 command: 1 succeeded, in "))
  }

  @Test func lastLinesAreFewAndPrintable() {
    let text = (1...9).map { "l\($0)" }.joined(separator: "\n") + "\n\u{1b}[31mx\r\n\n"
    #expect(LastLines.shown(Array(text.utf8)) == ["l6", "l7", "l8", "l9", "?[31mx?"])
    #expect(LastLines.shown([UInt8](repeating: 0x78, count: 9000)).map(\.count) == [500])
  }
}
