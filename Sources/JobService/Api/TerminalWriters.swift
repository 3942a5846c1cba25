import JobAPI
import JobModel
import Platform

/// Who writes into jobs' terminals: for each at most one client, for as long as the reply goes on by which it follows the job,
/// and a while longer where that was lost, so that whoever bridges it finds its place. Kept by this process alone: those of
/// one that is gone ask anew. Any thread.
final class TerminalWriters: Sendable {
  struct Writer: Sendable {
    /// What it calls itself.
    let name: String
    /// Microseconds since 1970.
    var since: Int64
    /// The reply.
    let holder: JobTable.Observer
    /// Microseconds, by the clock that is never set, until when another reply of its may follow that was lost; nil: it goes on.
    fileprivate var mayReturn: Int64?
    /// Called once another reply of the same writer has taken its place; any thread.
    let replaced: @Sendable () -> Void

    init(
      name: String, since: Int64, holder: JobTable.Observer, replaced: @escaping @Sendable () -> Void
    ) {
      (self.name, self.since, self.holder, self.replaced) = (name, since, holder, replaced)
    }
  }

  private let writers = Mutex<[JobID: Writer]>([:])
  private let clock: Clock
  /// Microseconds.
  private static let grace: Int64 = 10_000_000

  init(_ clock: Clock = .system) { self.clock = clock }

  private func current(_ all: inout [JobID: Writer], _ id: JobID) -> Writer? {
    if let end = all[id]?.mayReturn, end <= clock.monotonic() { all[id] = nil }
    return all[id]
  }

  /// Throws a 409 that names who writes already, unless `takesOver`. One of the same name always takes over: the daemon may
  /// not have noticed yet that its earlier connection was lost.
  func claim(_ id: JobID, _ writer: Writer, takesOver: Bool = false) throws(Problem) {
    let before = try writers.withLock { (all) throws(Problem) -> Writer? in
      var writer = writer
      if let other = current(&all, id) {
        if other.name.isSame(as: writer.name) {
          writer.since = other.since
        } else if !takesOver {
          throw other.problem(id)
        }
      }
      return all.updateValue(writer, forKey: id)
    }
    before?.replaced()
  }

  /// Throws the same where somebody else writes; nobody: everybody may.
  func require(_ id: JobID, _ name: String?) throws(Problem) {
    let writer = writers.withLock { current(&$0, id) }
    guard let writer, name.map(writer.name.isSame) != true else { return }
    throw writer.problem(id)
  }

  /// Who writes, as it calls itself; nil: nobody does.
  func name(_ id: JobID) -> String? { writers.withLock { current(&$0, id)?.name } }

  /// Whether a later reply has it.
  func isTaken(_ id: JobID, from holder: JobTable.Observer) -> Bool {
    writers.withLock { $0[id].map { $0.holder != holder } ?? false }
  }

  func release(_ id: JobID, by holder: JobTable.Observer) {
    writers.withLock { all in
      if all[id]?.holder == holder { all[id] = nil }
    }
  }

  /// The reply ended before its client wanted it to, as far as is known.
  func lose(_ id: JobID, by holder: JobTable.Observer) {
    let now = clock.monotonic()
    writers.withLock { all in
      if all[id]?.holder == holder { all[id]?.mayReturn = now + Self.grace }
      all = all.filter { $0.value.mayReturn.map { $0 > now } ?? true }
    }
  }

  /// Its writer needs the terminal no more.
  func leave(_ id: JobID, _ name: String) {
    writers.withLock { all in
      if all[id]?.name.isSame(as: name) == true { all[id] = nil }
    }
  }

  /// The replies of a worker by which somebody writes.
  func holders(of worker: Int) -> [JobTable.Observer] {
    writers.withLock { $0.values.map(\.holder).filter { $0.worker == worker } }
  }
}

extension TerminalWriters.Writer {
  fileprivate func problem(_ id: JobID) -> Problem {
    let began = TimeText.text(since).prefix { $0 != "." } + "Z"
    return Problem(
      409,
      "\(name) has written to the job's terminal since \(began); look on with \"jobctl attach -n \(id)\", or take it over with \"jobctl attach --take-over \(id)\""
    )
  }
}

/// That a reply's client is the one who writes into a job's terminal; given back with its release, unless it was lost.
final class WriterClaim {
  private let writers: TerminalWriters
  private let id: JobID
  private let holder: JobTable.Observer
  private var isLost = false

  fileprivate init(
    _ writers: TerminalWriters, _ id: JobID, _ writer: TerminalWriters.Writer, takesOver: Bool
  ) throws(Problem) {
    try writers.claim(id, writer, takesOver: takesOver)
    (self.writers, self.id, holder) = (writers, id, writer.holder)
  }

  deinit { if !isLost { writers.release(id, by: holder) } }

  /// The reply ended before its client wanted it to, as far as is known: its claim lasts for a moment.
  func lose() {
    isLost = true
    writers.lose(id, by: holder)
  }

  /// A later reply has it.
  var isTaken: Bool { writers.isTaken(id, from: holder) }
}

extension Worker {
  /// Has the exchange's client write into the job's terminal as `name`; with `takesOver` in place of whoever does. Nil: the
  /// job has ended, and nobody does.
  func claim(_ id: JobID, as name: String, takesOver: Bool, _ exchange: Exchange) throws -> WriterClaim? {
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
    return try WriterClaim(api.writers, id, writer, takesOver: takesOver)
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
