import JobModel
import Platform

extension LiveJob {
  /// What was found out of it last, and when, by the clock that is never set.
  typealias KnownUsage = (usage: JobUsage, at: Int64)

  /// Microseconds for which it is not found out again, however often it is asked for.
  private static let usageAge: Int64 = 80_000

  /// What it uses now, and how many processes were looked at for that; nil: it does not run.
  func usage() -> (usage: JobUsage, cost: Int)? {
    guard var found = measuredUsage() else { return nil }
    found.usage.input = takesInput ? input.received : nil
    return found
  }

  private func measuredUsage() -> (usage: JobUsage, cost: Int)? {
    let now = Clock.monotonic()
    guard !hasEnded, let running else { return nil }
    if let known = knownUsage, now - known.at < Self.usageAge { return (known.usage, 0) }
    guard let used = running.usage() else { return nil }
    var usage = JobUsage(id: id, userTime: used.user_us, systemTime: used.system_us, memory: used.memory)
    if used.peak_memory > 0 { usage.peakMemory = used.peak_memory }
    if used.throttled_us > 0 { usage.throttled = used.throttled_us }
    usage.firstOutput = firstOutput ?? 0
    knownUsage = (usage, now)
    return (usage, Int(used.looked_at))
  }
}
