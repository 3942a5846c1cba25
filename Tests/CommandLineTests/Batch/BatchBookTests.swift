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
    #expect(book.counts == BatchBook.Counts(succeeded: 2, mostRunning: 1) && !book.isBusy && book.isWhole)
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
    #expect((book.counts.waiting, book.counts.running, book.counts.succeeded) == (1, 2, 1))
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

  @Test func whatIsGoneHasFailed() {
    for removes in [false, true] {
      var book = book(BatchBook.Rules(removesSuccesses: removes), sent: 1)
      book.learn(ids[0], nil)
      #expect(book.verdict(book.nextEnded()!) == .failed, "nobody knows that it succeeded")
    }
  }

  @Test func roomIsBounded() {
    var book = BatchBook(BatchBook.Rules(fewWaiting: 2))
    #expect(book.room > 0)
    for number in 0..<2 { book.sent(job(number), as: ids[number], now: 0) }
    #expect(book.room == 0)
    book.take(event(.started, ids[0]))
    #expect(book.room > 0)
    let huge = BatchLine(number: 3, text: String(repeating: "x", count: 65 << 20))
    book.sent(BatchBook.Job(line: huge), as: ids[2], now: 0)
    book.take(event(.started, ids[1]))
    #expect(book.room == 0, "lines take memory")
    book.take(event(.finished, ids[2], good))
    #expect(book.room > 0)
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
    let text = (1...9).map { "l\($0)" }.joined(separator: "\r\n") + "\n\u{1b}[31mx\r\n\r\n\n"
    #expect(
      LastLines.shown(Array(text.utf8), .stderr)
        == ["l6", "l7", "l8", "l9", "?[31mx"].map { "stderr: \($0)" })
    #expect(LastLines.shown([UInt8](repeating: 0x78, count: 9000), .stdout).map(\.count) == [508])
  }

  @Test func aCreationThatIsNotQueuedRuns() {
    var book = book(sent: 3)
    for id in ids[0..<2] { book.take(event(.created, id)) }
    book.take(event(.created, ids[2]))
    book.take(event(.queued, ids[2]))
    #expect((book.counts.running, book.counts.waiting) == (2, 1), "starts are told of late")
    #expect((book.counts.runningNow, book.counts.waitingNow) == (2, 1))
    book.take(event(.finished, ids[0], good))
    #expect((book.counts.running, book.counts.waiting) == (1, 1))
    #expect((book.counts.runningNow, book.counts.waitingNow) == (2, 0), "its slot is taken")
    book.take(event(.started, ids[2]))
    #expect((book.counts.running, book.counts.runningNow) == (2, 2))
  }

  /// Who leaves then is told how to stop them.
  @Test func jobsOfARequestWithoutAnAnswerMayRun() {
    var book = BatchBook(BatchBook.Rules())
    #expect(!book.mayBeBusy)
    book.requestBegins()
    #expect(book.mayBeBusy && !book.isBusy)
    book.requestEnded()
    #expect(!book.mayBeBusy)
  }

  @Test func whatWasSeenIsNotKept() {
    var book = book(sent: 1)
    book.take(event(.created, ids[0]))
    book.sent(job(1), as: ids[1], now: 0)
    #expect(book.unseen(before: .max, most: 1) == [ids[1]])
  }

  @Test func whatMayHaveFailedHoldsTheNextBack() {
    var book = book(BatchBook.Rules(mostInHand: 2), sent: 2)
    #expect(book.room == 0)
    book.take(event(.finished, ids[0], good))
    #expect(book.room == 1, "a success needs nothing")
    book.take(event(.finished, ids[1], bad))
    #expect(book.room == 1)
    _ = book.nextEnded()
    #expect(book.room == 1, "it is being dealt with")
    book.close(.failed)
    #expect(book.room == 2 && book.isStopping)
  }

  @Test func whatSomebodyRemovesHasFailed() {
    var book = book(BatchBook.Rules(removesSuccesses: true), sent: 2)
    book.take(event(.created, ids[0]))
    book.learn(ids[0], nil)
    book.take(event(.deleted, ids[1]))
    for _ in 0..<2 { #expect(book.verdict(book.nextEnded()!) == .failed) }
  }

  @Test func adviceIsTrue() {
    func after(
      _ counts: BatchBook.Counts, notRun: Int = 0, wrong: Bool = false, rules: BatchBook.Rules = .init()
    )
      -> String
    {
      BatchAdvice(key: "k", rules: rules).afterEnd(counts, notRun: notRun, wrong: wrong, isSeen: false)
        .joined(separator: "\n")
    }
    let (fine, bad) = (BatchBook.Counts(succeeded: 2), BatchBook.Counts(succeeded: 1, failed: 1))
    #expect(after(fine).isEmpty, "nobody asked")
    #expect(after(bad, rules: .init(retries: 2)).contains("--key k --retry 3, which counts earlier attempts"))
    #expect(after(bad).contains("another --key, under which all lines run") && !after(bad).contains("go on"))
    #expect(!after(bad).contains("--keep-going") && after(bad, notRun: 1).contains("--key k --keep-going"))
    #expect(
      after(fine, wrong: true).hasPrefix("to go on: the same command with --key k, the wrong line mended"))
    let removed = BatchAdvice(key: "k", rules: .init(removesSuccesses: true))
    #expect(removed.afterEnd(fine, notRun: 0, wrong: false, isSeen: true).isEmpty, "no job is kept")
    #expect(
      removed.onLeaving(fine, hasLeft: false, canGoOn: true, isBusy: false) == [
        "not all jobs that succeeded are deleted; to see what is left: jobctl ps --all --filter label=batch=k"
      ])
    let deleted = after(bad, rules: .init(keepsGoing: true, removesSuccesses: true))
    #expect(
      !deleted.contains("--retry") && deleted.contains("to see the jobs that failed"), "they would fail")
    let kept = after(bad, rules: .init(keepsGoing: true, keepsResults: true, removesSuccesses: true))
    #expect(kept.contains("--retry"))
    let advice = BatchAdvice(key: "k", rules: .init())
    #expect(
      advice.afterEnd(fine, notRun: 0, wrong: false, isSeen: true)
        == ["to see the jobs: jobctl ps --all --filter label=batch=k"])
    #expect(advice.onLeaving(fine, hasLeft: false, canGoOn: true, isBusy: false).isEmpty)
    #expect(
      advice.onLeaving(fine, hasLeft: true, canGoOn: false, isBusy: true)
        == ["what was sent and has not ended runs on; to stop it: jobctl stop --filter label=batch=k"])
    #expect(
      advice.onLeaving(bad, hasLeft: true, canGoOn: true, isBusy: false)
        == ["to go on: the same command with --key k --keep-going, or it stops at what failed"])
  }
}
