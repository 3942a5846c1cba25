import JobModel
import Platform

/// What each client uses of what it may: running jobs and creations a second.
struct ClientLimits {
  private struct Use {
    var running = 0
    /// Creations that may still be made at `refilled`, a token bucket of one second's worth.
    var tokens: Double
    var refilled: Int64
  }

  private var uses: [Int64: Use] = [:]
  private let configuration: Configuration

  init(_ configuration: Configuration) { self.configuration = configuration }

  /// A limit that a creation would pass.
  struct Reached {
    let counter: SupervisorCounts.Counter
    let refusal: Refusal

    init(_ counter: SupervisorCounts.Counter, _ text: String, reason: Refusal.Reason = .tooMany) {
      (self.counter, refusal) = (counter, Refusal(reason: reason, text: text))
    }
  }

  /// Counts a creation, if the client has not reached a limit. `stored`: its bytes in the store. `now`: monotonic, so
  /// that a clock that is set back takes nobody's right to create.
  mutating func create(_ client: Int64, stored: Int64, now: Int64) -> Reached? {
    let rate = Double(configuration.clientCreateRate)
    var use = uses[client] ?? Use(tokens: rate, refilled: now)
    use.tokens = min(rate, use.tokens + Double(now - use.refilled) * rate / 1_000_000)
    use.refilled = now
    defer { uses[client] = use }
    guard use.running < configuration.clientRunningJobs else {
      let most = configuration.clientRunningJobs
      return Reached(.refusedClientRunningJobs, "\(most) of your jobs run, the most a client may run at once")
    }
    guard stored < Int64(configuration.clientStoredBytes) else {
      let most = configuration.clientStoredBytes
      return Reached(
        .refusedClientStoredBytes, "your jobs hold \(stored) bytes, the most is \(most): delete some")
    }
    guard use.tokens >= 1 else {
      let most = configuration.clientCreateRate
      return Reached(.refusedClientCreateRate, "you create more than \(most) jobs a second")
    }
    use.tokens -= 1
    use.running += 1
    return nil
  }

  /// Counts a job that runs already.
  mutating func adopt(_ client: Int64, now: Int64) {
    let full = Use(tokens: Double(configuration.clientCreateRate), refilled: now)
    uses[client, default: full].running += 1
  }

  /// A job that was counted is over.
  mutating func jobEnded(_ client: Int64) {
    guard var use = uses[client] else { return }
    use.running -= 1
    // With no job running and a full bucket there is nothing to remember.
    uses[client] = use.running == 0 && use.tokens >= Double(configuration.clientCreateRate) ? nil : use
  }
}
