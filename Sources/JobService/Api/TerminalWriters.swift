import JobAPI
import JobModel
import Platform

/// Who writes into jobs' terminals: for each at most one client, for as long as the reply goes on by which it follows the job.
/// Kept by this process alone: those of one that is gone ask anew. Any thread.
final class TerminalWriters: Sendable {
  struct Writer: Sendable {
    /// What it calls itself.
    let name: String
    /// Microseconds since 1970.
    var since: Int64
    /// The reply.
    let holder: JobTable.Observer
    /// Called once another reply of the same writer has taken its place; any thread.
    let replaced: @Sendable () -> Void
  }

  private let writers = Mutex<[JobID: Writer]>([:])

  /// Throws a 409 that names who writes already. One of the same name takes over: the daemon may not have noticed yet that
  /// its earlier connection was lost.
  func claim(_ id: JobID, _ writer: Writer) throws(Problem) {
    let before = try writers.withLock { (all) throws(Problem) -> Writer? in
      var writer = writer
      if let other = all[id] {
        guard other.name.isSame(as: writer.name) else { throw other.problem }
        writer.since = other.since
      }
      return all.updateValue(writer, forKey: id)
    }
    before?.replaced()
  }

  /// Throws the same where somebody else writes; nobody: everybody may.
  func require(_ id: JobID, _ name: String?) throws(Problem) {
    let writer = writers.withLock { $0[id] }
    guard let writer, name.map(writer.name.isSame) != true else { return }
    throw writer.problem
  }

  func isHeld(_ id: JobID, by holder: JobTable.Observer) -> Bool {
    writers.withLock { $0[id]?.holder == holder }
  }

  func release(_ id: JobID, by holder: JobTable.Observer) {
    writers.withLock { all in
      if all[id]?.holder == holder { all[id] = nil }
    }
  }

  /// The replies of a worker by which somebody writes.
  func holders(of worker: Int) -> [JobTable.Observer] {
    writers.withLock { $0.values.map(\.holder).filter { $0.worker == worker } }
  }
}

extension TerminalWriters.Writer {
  fileprivate var problem: Problem {
    Problem(
      409,
      "\(name) writes to the job's terminal since \(TimeText.text(since)); look on with \"jobctl logs -f\" or \"jobctl attach --no-stdin\""
    )
  }
}

/// That a reply's client is the one who writes into a job's terminal; given back with its release.
final class WriterClaim {
  private let writers: TerminalWriters
  private let id: JobID
  private let holder: JobTable.Observer

  fileprivate init(_ writers: TerminalWriters, _ id: JobID, _ writer: TerminalWriters.Writer) throws(Problem)
  {
    try writers.claim(id, writer)
    (self.writers, self.id, holder) = (writers, id, writer.holder)
  }

  deinit { writers.release(id, by: holder) }

  /// False: a later reply of the same writer has it.
  var isHeld: Bool { writers.isHeld(id, by: holder) }
}

extension Worker {
  /// Has the exchange's client write into the job's terminal as `name`. Nil: the job has ended, and nobody does.
  func claim(_ id: JobID, as name: String, _ exchange: Exchange) throws -> WriterClaim? {
    try exchange.principal.require(.stdin, id)
    let client = try owner(of: id, exchange.principal, .stdin)
    guard let row = try reader.whole(client: client, id: id) else { throw NoSuchJob(.log) }
    guard row.plan.terminal != nil else { throw Problem(409, "the job has no terminal to write to") }
    let record = api.table.entry(id, of: client)?.record ?? row.record
    guard record.state == .running else { return nil }
    let (number, loop) = (exchange.number, loop)
    let writer = TerminalWriters.Writer(
      name: name, since: Clock.microseconds(), holder: observer(exchange)
    ) { [self] in
      loop.post { self.wake(number) }
    }
    return try WriterClaim(api.writers, id, writer)
  }
}

extension Query {
  /// Who writes into the job's terminal.
  func writer() throws(Problem) -> String? {
    guard let name = self["writer"] else { return nil }
    guard (1...128).contains(name.utf8.count), name.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw Problem(400, "query parameter \"writer\" must be 1 to 128 printable ASCII characters")
    }
    return name
  }
}
