import JobAPI
import Platform

/// Does again what failed because the connection, or the daemon, went away for a while: with growing pauses, until it
/// succeeds, fails for another reason, or nobody was there for ``Bridge/limit``. One thread.
public final class Bridge {
  private let client: JobClient
  private let limit: Int64
  /// Somebody answered once. Before that, a host where nobody answers is taken to be a wrong one.
  private(set) var wasReached = false
  private var lostAt: Int64?
  private var pause: Int64 = 0
  let clock: Clock
  /// Called when the connection is lost, and when somebody answers again.
  public var onLoss: () -> Void = {}
  public var onReturn: () -> Void = {}
  private static let firstPause: Int64 = 50
  private static let longestPause: Int64 = 1000
  /// How long a server may hang up on every connection that never gave an answer: as long as one takes that is just being
  /// replaced.
  private static let firstLimit: Int64 = 2000

  /// `milliseconds`: how long nobody may answer.
  public convenience init(_ client: JobClient, milliseconds: Int64 = 30_000) {
    self.init(client, milliseconds: milliseconds, .system)
  }

  package init(_ client: JobClient, milliseconds: Int64 = 30_000, _ clock: Clock) {
    (self.client, self.clock) = (client, clock)
    limit = milliseconds
  }

  /// The daemon answered: a time without an answer begins anew.
  public func reached() {
    wasReached = true
    guard lostAt != nil else { return }
    lostAt = nil
    onReturn()
  }

  public func call<Result>(_ body: () throws -> Result) throws -> Result {
    while true {
      do {
        let result = try body()
        reached()
        return result
      } catch let error as ClientError where error.isTransient {
        try wait(after: error)
      }
    }
  }

  /// Pauses before the next attempt, or throws `error` when there should be none.
  private func wait(after error: ClientError) throws(ClientError) {
    client.disconnect()
    if case .status = error { wasReached = true }
    if error.isFromConnecting, !wasReached { throw error }
    let now = clock.monotonic() / 1000
    let since = lostAt ?? now
    if lostAt == nil {
      lostAt = now
      pause = Self.firstPause
      onLoss()
    }
    let asked = error.retryAfter.map { Int64($0) * 1000 } ?? 0
    let next = max(pause, asked)
    guard now + next - since <= (wasReached ? limit : min(limit, Self.firstLimit)) else { throw error }
    clock.sleep(next * 1000)
    pause = min(pause * 2, Self.longestPause)
  }
}

extension JobClient {
  /// Waits until the job has ended; nil when it has not after `milliseconds`. Asks again before the reply would take
  /// longer than it may, and at first without waiting: until it answered, a daemon that goes away is not waited for.
  public func end(of id: JobID, within milliseconds: Int64? = nil, _ bridge: Bridge) throws -> StatusReply? {
    let deadline = milliseconds.map { Deadline(after: $0, bridge.clock) }
    let longest = settings.replyTimeout == 0 ? 30_000 : min(30_000, Int64(settings.replyTimeout) / 2)
    while true {
      let left = deadline?.left
      let most = bridge.wasReached ? longest : 0
      let hold = DurationText(milliseconds: min(most, left ?? most))
      let status = try bridge.call { try self.status(id, wait: hold) }
      if status.status != .running { return status }
      if left == 0 { return nil }
    }
  }
}
