import Platform

/// How far a batch is, in words.
struct BatchProgress: Sendable {
  /// Commands in all; nil: nobody knows, as of a pipe.
  let total: Int?
  private let clock: Clock
  private let started: Int64

  init(total: Int?, _ clock: Clock = .system) {
    (self.total, self.clock) = (total, clock)
    started = clock.monotonic()
  }

  private var microseconds: Int64 { max(1, clock.monotonic() - started) }
  var seconds: Double { Double(microseconds) / 1e6 }

  func line(_ counts: BatchBook.Counts) -> String {
    let left = total.map { max(0, $0 - counts.done - counts.notRun) }
    let rate = Double(counts.done - counts.before) / seconds
    var parts = ["\(counts.done)\(total.map { " of \($0)" } ?? "") done"]
    if counts.failed > 0 { parts.append("\(counts.failed) failed") }
    parts.append("\(counts.runningNow) running")
    if counts.waitingNow > 0 { parts.append("\(counts.waitingNow) waiting") }
    if rate > 0 { parts.append("\(Spell.tenths(rate))/s") }
    if let left, left > 0, rate > 0 { parts.append("\(Spell.time(Int64(Double(left) / rate * 1e6))) left") }
    return parts.joined(separator: ", ")
  }

  /// After the end. Commands that were not sent were not run either.
  func summary(_ counts: BatchBook.Counts) -> String {
    var parts = ["\(counts.succeeded) succeeded"]
    if counts.failed > 0 { parts.append("\(counts.failed) failed") }
    if let notRun = notRun(counts), notRun > 0 { parts.append("\(notRun) not run") }
    if counts.before > 0 { parts.append("\(counts.before) of them by an earlier run") }
    let all = Spell.count(total ?? counts.done + counts.notRun, "command", "commands")
    return "\(all): \(parts.joined(separator: ", ")), in \(Spell.time(microseconds))"
  }

  func notRun(_ counts: BatchBook.Counts) -> Int? { total.map { $0 - counts.done } ?? counts.notRun }
}
