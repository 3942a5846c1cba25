import JobClient
import Platform

/// Hears of jobs by one stream of events, which is taken up again where it broke off. One thread's.
final class BatchWatch {
  private let desk: BatchDesk
  private let client: JobClient
  private let bridge: Bridge
  /// The last event; nil: none came.
  private var last: Int64?
  private var wasBegun = false

  init(_ desk: BatchDesk, _ client: JobClient) {
    (self.desk, self.client, bridge) = (desk, client, Bridge(client))
  }

  /// Ends only by an error. `begun` is called once all that happens from now on is told.
  func run(begun: () -> Void) throws -> Never {
    try bridge.call {
      do {
        try follow(begun)
      } catch ClientError.status(410, _, _) {
        last = nil
      }
      throw ClientError.closed("the server ended the events")
    }
  }

  private func follow(_ begun: () -> Void) throws {
    try client.events(after: last.map { "\($0)" } ?? "now", follows: true) {
      bridge.reached()
      if !wasBegun { begun() } else if last == nil { desk.with { $0.lookAgain(now: Clock.monotonic()) } }
      wasBegun = true
    } take: { event in
      last = event.seq
      desk.with { $0.take(event) }
    }
  }
}
