import Glibc
import JobAPI
import JobClient
import Synchronization

/// Follows the events of one client name through everything: each must come once and in order. A thread of its own.
final class EventWitness: Sendable {
  let client: String
  private let context: Context

  fileprivate struct State {
    var last: Int64 = 0
    /// What came of each job that was not deleted.
    var jobs: [JobID: Set<JobEvent.Kind>] = [:]
    var deleted = 0
  }

  private let state = Mutex(State())

  init(_ context: Context, _ client: String) { (self.context, self.client) = (context, client) }

  func run() {
    let client = JobClient(context.settings(client))
    while !context.mustStop {
      do {
        try read(client, follows: true)
      } catch let error as ClientError where context.isTransient(error) {
        client.disconnect()
        usleep(10_000)
      } catch {
        context.verdict.violation("events of \(self.client): \(error)")
      }
    }
  }

  /// Reads what is left. True: nothing was.
  func catchUp() throws -> Bool {
    let before = state.withLock { $0.last }
    try read(JobClient(context.settings(client)), follows: false)
    return state.withLock { $0.last } == before
  }

  private func read(_ client: JobClient, follows: Bool) throws {
    let after = state.withLock { $0.last }
    // How soon it sees that the run is over.
    try client.events(after: "\(after)", follows: follows, silence: 1000) { event in
      try state.withLock { try $0.take(event) }
      context.counters.add(.events)
    }
  }

  /// Jobs that exist by what was told, and whether each was told as finished.
  var jobs: [JobID: Bool] { state.withLock { $0.jobs.mapValues { $0.contains(.finished) } } }

}

extension EventWitness.State {
  mutating func take(_ event: JobEvent) throws {
    guard event.seq > last else { throw Violation("event \(event.seq) came after event \(last)") }
    last = event.seq
    let seen = jobs[event.id]
    switch event.event {
    case .created: try require(seen == nil, event)
    case .queued: try require(seen == [.created], event)
    case .started, .finished: try require(seen != nil && !seen!.contains(.finished), event)
    case .deleted: try require(seen != nil, event)
    }
    try require(seen?.contains(event.event) != true, event)
    if event.event == .deleted {
      jobs[event.id] = nil
      deleted += 1
    } else {
      jobs[event.id, default: []].insert(event.event)
    }
  }

  private func require(_ holds: Bool, _ event: JobEvent) throws {
    guard !holds else { return }
    let seen = jobs[event.id]?.map(\.rawValue).sorted().joined(separator: ", ") ?? "nothing"
    throw Violation("job \(event.id): event \"\(event.event)\" (\(event.seq)) came after \(seen)")
  }
}
