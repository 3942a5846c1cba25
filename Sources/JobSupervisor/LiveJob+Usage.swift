import JobModel

extension LiveJob {
  /// What it uses now; nil: it does not run.
  func usage() -> JobUsage? {
    guard !hasEnded, let used = running?.usage() else { return nil }
    var usage = JobUsage(id: id, userTime: used.user_us, systemTime: used.system_us, memory: used.memory)
    if used.peak_memory > 0 { usage.peakMemory = used.peak_memory }
    if used.throttled_us > 0 { usage.throttled = used.throttled_us }
    usage.firstOutput = firstOutput ?? 0
    return usage
  }
}
