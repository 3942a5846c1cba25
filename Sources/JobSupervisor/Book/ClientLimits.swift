import JobModel
import Platform

/// What each client uses of what it may: slots, memory for inline standard input, creations a second.
struct ClientLimits {
  private struct Use {
    var running = 0
    /// Bytes of inline standard input of those.
    var input = 0
    /// Creations that may still be made at `refilled`, a token bucket of one second's worth.
    var tokens: Double
    var refilled: Int64
  }

  private var uses: [Int64: Use] = [:]
  /// Of all clients.
  private var input = 0
  private let configuration: Configuration
  /// Of those clients for which they are not the same as for all.
  private var settings: [Int64: ClientSettings] = [:]

  init(_ configuration: Configuration) { self.configuration = configuration }

  /// From now on; what was counted counts on.
  mutating func set(_ new: ClientSettings, for client: Int64) {
    settings[client] = new == configuration.client ? nil : new
  }

  /// What holds for a client.
  func settings(of client: Int64) -> ClientSettings { settings[client] ?? configuration.client }

  /// A limit that a creation would pass, or another reason to refuse it, which is not counted.
  struct Reached {
    let counter: SupervisorCounts.Counter?
    let refusal: Refusal

    init(_ refusal: Refusal) { (counter, self.refusal) = (nil, refusal) }

    init(_ counter: SupervisorCounts.Counter, _ text: String, reason: Refusal.Reason = .tooMany) {
      (self.counter, refusal) = (counter, Refusal(reason: reason, text: text))
    }
  }

  /// Whether the client has a slot.
  func mayRun(_ client: Int64) -> Bool { uses[client]?.running ?? 0 < settings(of: client).runningJobs }

  /// Why no more jobs of a client wait that has so many, of `all`; nil: another may.
  func waitRefusal(_ client: Int64, waiting: Int, of all: Int) -> Reached? {
    guard waiting < settings(of: client).queuedJobs else {
      let text = "\(waiting) of your jobs wait to be launched, the most that may"
      return Reached(.refusedClientQueuedJobs, text)
    }
    guard all < configuration.maxQueuedJobs else {
      let text = "\(all) jobs wait to be launched, the most that this daemon has waiting"
      return Reached(.refusedQueuedJobs, text, reason: .unavailable)
    }
    return nil
  }

  /// Counts a creation, if the client has not reached a limit. `stored`: its bytes in the store. `input`: bytes of
  /// inline standard input, which are in memory until the job waits or is over. `now`: monotonic, so
  /// that a clock that is set back takes nobody's right to create.
  mutating func create(_ client: Int64, stored: Int64, input more: Int, now: Int64) -> Reached? {
    let settings = settings(of: client)
    let rate = Double(settings.createRate)
    var use = uses[client] ?? Use(tokens: rate, refilled: now)
    use.tokens = min(rate, use.tokens + Double(now - use.refilled) * rate / 1_000_000)
    use.refilled = now
    defer { uses[client] = use }
    guard stored < Int64(settings.storedBytes) else {
      let most = settings.storedBytes
      return Reached(
        .refusedClientStoredBytes, "your jobs hold \(stored) bytes, the most is \(most): delete some")
    }
    guard use.tokens >= 1 else {
      let most = settings.createRate
      return Reached(.refusedClientCreateRate, "you create more than \(most) jobs a second")
    }
    if let reached = room(for: more, use.input, most: settings.memory) { return reached }
    use.tokens -= 1
    use.input += more
    input += more
    return nil
  }

  /// `client`: what it has in memory, and may have.
  private func room(for more: Int, _ client: Int, most: Int) -> Reached? {
    guard more > 0 else { return nil }
    guard client + more <= most else {
      let text =
        "the standard input and secrets of your jobs are in memory until they end, and may be \(most) bytes"
      return Reached(.refusedClientMemory, text, reason: .unavailable)
    }
    guard input + more <= configuration.maxMemory else {
      let text =
        "the standard input and secrets of jobs are in memory until they end, and may be \(configuration.maxMemory) bytes"
      return Reached(.refusedMemory, text, reason: .unavailable)
    }
    return nil
  }

  /// A job of the client has a slot.
  mutating func began(_ client: Int64, now: Int64) { change(client, now) { $0.running += 1 } }
  mutating func ended(_ client: Int64, now: Int64) { change(client, now) { $0.running -= 1 } }

  /// So much more of inline standard input is in memory; less than 0: so much less.
  mutating func hold(_ client: Int64, input more: Int, now: Int64) {
    guard more != 0 else { return }
    input += more
    change(client, now) { $0.input += more }
  }

  private mutating func change(_ client: Int64, _ now: Int64, _ body: (inout Use) -> Void) {
    let full = Double(settings(of: client).createRate)
    var use = uses[client] ?? Use(tokens: full, refilled: now)
    body(&use)
    // With a full bucket and nothing else there is nothing to remember.
    uses[client] = use.running == 0 && use.input == 0 && use.tokens >= full ? nil : use
  }
}
