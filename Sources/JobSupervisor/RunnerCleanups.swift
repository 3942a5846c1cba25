import JobAPI
import JobLoop
import Platform

/// Ends what jobs left elsewhere whose runners did not end them: looks what there is, has it ended, and looks again, until
/// there is nothing. For as long as that takes; who waits for one is told after a while that it is not done yet.
/// Supervisor's thread only.
final class RunnerCleanups {
  enum Event {
    case begun
    /// With what went wrong before.
    case done(String?)
    /// It is tried again; told when the failure is another than the one before.
    case failed(String)
  }
  /// What is not done, in words; nil: it is.
  typealias Answer = (String?) -> Void

  private struct Work {
    let target: RunnerTarget
    /// Something was there.
    var wasSeen = false
    /// The runner does not tell what there is.
    var isBlind = false
    /// When it was looked for first, and there was an answer.
    var firstLook: Int64?
    /// When to go on; nil: a command is under way.
    var due: Int64?
    var pause: Int64 = RunnerCleanups.firstPause
    /// What there is, or why that is not known.
    var state = "its cleanup has not ended yet"
    var failure: String?
    var waiters: [(until: Int64, answer: Answer)] = []
  }

  private let commands: RunnerCommands
  private let onEvent: (RunnerTarget, Event) -> Void
  private var timer: LoopTimer!
  private var timerDue = Int64.max
  private var works: [JobID: Work] = [:]

  /// Microseconds. What was never seen may come to be there after its runner's death: the runner's request may have been on
  /// its way. Of 140 runs of srun that were killed in their first 50 ms, each job that was left was seen within 0.1 s.
  private static let settleTime: Int64 = 5_000_000
  private static let patience: Int64 = 30_000_000
  private static let firstPause: Int64 = 50_000
  private static let longestPause: Int64 = 2_000_000
  private static let longestPauseAfterFailure: Int64 = 30_000_000
  private static let mostWaiters = 64

  init(
    _ loop: EventLoop, _ commands: RunnerCommands, onEvent: @escaping (RunnerTarget, Event) -> Void
  ) throws(SystemError) {
    (self.commands, self.onEvent) = (commands, onEvent)
    timer = try LoopTimer(loop) { [unowned self] in self.timerFired() }
  }

  var count: Int { works.count }

  func isUnderWay(_ id: JobID, of client: Int64) -> Bool { works[id]?.target.client == client }

  func begin(_ target: RunnerTarget) {
    guard works[target.id] == nil else { return }
    works[target.id] = Work(target: target)
    onEvent(target, .begun)
    look(target.id)
  }

  /// Calls `answer` once: when it is done, or has not come to its end after a while.
  func wait(for id: JobID, answer: @escaping Answer) {
    guard let work = works[id] else { return answer(nil) }
    guard work.waiters.count < Self.mostWaiters else { return answer(work.state) }
    let until = Clock.monotonic() + Self.patience
    works[id]!.waiters.append((until, answer))
    startTimer(at: until)
    // Somebody wants it now.
    works[id]!.pause = Self.firstPause
    if work.due != nil { goOn(id, after: Self.firstPause) }
  }

  private func look(_ id: JobID) {
    guard let target = works[id]?.target else { return }
    works[id]!.due = nil
    commands.run(.cleaned, of: target) { [unowned self] outcome in
      switch outcome {
      case .failure(let failure): failed(id, failure.text)
      case .success(let text): looked(id, text)
      }
    }
  }

  /// `text`: what is there, as the runner's command says it; nil: it has none.
  private func looked(_ id: JobID, _ text: String?) {
    guard var work = works[id] else { return }
    guard let text else {
      works[id]!.isBlind = true
      return clean(id)
    }
    let now = Clock.monotonic()
    let isThere = text.contains { !$0.isWhitespace }
    let firstLook = work.firstLook ?? now
    work.firstLook = firstLook
    work.state = isThere ? "still there: \(LastWords.text(Array(text.utf8)))" : "it may come to be there yet"
    work.wasSeen = work.wasSeen || isThere
    works[id] = work
    if !isThere, work.wasSeen || now - firstLook >= Self.settleTime { return done(id) }
    clean(id)
  }

  private func clean(_ id: JobID) {
    guard let target = works[id]?.target else { return }
    commands.run(.cleanup, of: target) { [unowned self] outcome in
      switch outcome {
      case .failure(let failure): failed(id, failure.text)
      case .success(let text):
        // No cleanup is configured any more, or its exit status is all that tells.
        if text == nil || works[id]?.isBlind == true { return done(id) }
        goOn(id, most: Self.longestPause)
      }
    }
  }

  private func failed(_ id: JobID, _ text: String) {
    guard let work = works[id] else { return }
    works[id]!.state = text
    works[id]!.failure = text
    goOn(id, most: Self.longestPauseAfterFailure)
    if work.failure != text { onEvent(work.target, .failed(text)) }
  }

  private func done(_ id: JobID) {
    guard let work = works.removeValue(forKey: id) else { return }
    onEvent(work.target, .done(work.failure))
    for waiter in work.waiters { waiter.answer(nil) }
  }

  // MARK: Time

  private func goOn(_ id: JobID, most: Int64) {
    guard let work = works[id] else { return }
    works[id]!.pause = min(work.pause * 2, most)
    goOn(id, after: work.pause)
  }

  private func goOn(_ id: JobID, after pause: Int64) {
    let due = Clock.monotonic() + pause
    works[id]?.due = due
    startTimer(at: due)
  }

  private func startTimer(at due: Int64) {
    guard due < timerDue else { return }
    timerDue = due
    timer.start(milliseconds: UInt64(max(0, due - Clock.monotonic() + 999) / 1000))
  }

  private func timerFired() {
    let now = Clock.monotonic()
    timerDue = .max
    for (id, work) in works {
      let late = work.waiters.filter { $0.until <= now }
      if !late.isEmpty { works[id]?.waiters.removeAll { $0.until <= now } }
      for waiter in late { waiter.answer(work.state) }
      if let due = work.due, due <= now { look(id) }
    }
    let next = works.values.lazy.flatMap { [$0.due ?? .max] + $0.waiters.map(\.until) }.min()
    startTimer(at: next ?? .max)
  }
}
