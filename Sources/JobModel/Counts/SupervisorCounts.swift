import Glibc
import Platform

/// What the supervisor counts. The api process reads it and cannot write it. Any thread.
package final class SupervisorCounts: Sendable {
  /// Changes with the meaning of any cell, here or in ``ApiCounts``: a successor with another begins anew.
  private static let layout = 6

  package enum Counter: Int, CaseIterable {
    /// When the daemon started, in microseconds since 1970. A successor's start is none.
    case startTime
    /// Jobs that run, or whose result is not on disk yet: set, not added to.
    case running
    case created, started, completed, failed, deleted
    /// Groups of changes, and changes in them.
    case storeCommits, storeChanges
    /// An api process that died had to be started again; one could not be started.
    case apiRestarts, apiStartFailures
    /// Supervisors that died and had a successor; jobs that the keeper could not hold.
    case supervisorRestarts, holdFailures
    /// Jobs that wait for a slot: set, not added to.
    case queued
    case refusedQueuedJobs, refusedClientQueuedJobs, refusedClientStoredBytes, refusedClientCreateRate
    case refusedMemory, refusedClientMemory
    /// Commands of runners that failed.
    case runnerSignalFailures, runnerCleanupFailures
    /// Jobs of which something may be left elsewhere: set, not added to.
    case uncleaned
    /// The audit trail could not be written.
    case auditFailures
  }

  /// Counters by errno.
  package enum Failures: Int, CaseIterable {
    /// Jobs that could not be started, by a fault of what they ask for and by one of this system.
    case launchOfJob, launchOfSystem
    /// Streams of jobs that could not be written, or not be brought to disk.
    case output
  }

  /// What the keeper holds the memory under for a successor: another layout has other names.
  package static let heldName = "counters.\(layout)"
  package static let heldApiName = "api-counters.\(layout)"

  package static let errnos = 134
  private static let firstStoreFailure = Counter.allCases.count
  private static let firstErrno = firstStoreFailure + StoreErrorKind.allCases.count
  private static let firstWait = firstErrno + Failures.allCases.count * errnos
  private static let count = firstWait + waitLimits.count + 2

  private let cells: CounterCells
  /// Memory of the api process's counters, kept from one to the next and never looked at; -1 in the api process.
  private let api: Int32

  /// `workers`: of an api process. `held`: what a predecessor counted in, by name, which is taken over.
  package init(workers: Int, held: [String: Int32] = [:]) throws(SystemError) {
    cells = try CounterCells("jobd counters", count: Self.count)
    try cells.seal()
    api = try ApiCountsMemory.make(workers: workers, handed: held[Self.heldApiName])
    guard let before = held[Self.heldName] else {
      set(.startTime, UInt64(Clock.microseconds()))
      return
    }
    let old = try CounterCells(descriptor: before, count: Self.count, isWritable: false)
    for cell in 0..<Self.count { cells.set(cell, old[cell]) }
  }

  /// To read, in the api process; takes the descriptor over.
  package init(reading descriptor: Int32) throws(SystemError) {
    cells = try CounterCells(descriptor: descriptor, count: Self.count, isWritable: false)
    api = -1
  }

  deinit { if api >= 0 { close(api) } }

  /// What an api process is passed: to read this, and to count itself.
  package var descriptors: [Int32] { [cells.descriptor, api] }

  /// What the keeper is to hold for a successor.
  package var held: [(name: String, descriptor: Int32)] {
    [(Self.heldName, cells.descriptor), (Self.heldApiName, api)]
  }

  package subscript(counter: Counter) -> UInt64 { cells[counter.rawValue] }
  package func add(_ counter: Counter, _ amount: Int = 1) { cells.add(counter.rawValue, UInt64(amount)) }
  package func set(_ counter: Counter, _ value: UInt64) { cells.set(counter.rawValue, value) }

  package subscript(store kind: StoreErrorKind) -> UInt64 { cells[Self.firstStoreFailure + kind.index] }
  package func add(store kind: StoreErrorKind) { cells.add(Self.firstStoreFailure + kind.index) }

  package subscript(failures: Failures, errno: Int) -> UInt64 { cells[Self.cell(failures, errno)] }
  package func add(_ failures: Failures, errno: Int32) { cells.add(Self.cell(failures, Int(errno))) }

  /// Upper limits of the classes of time that jobs waited for a slot, in microseconds; a last class has none.
  package static let waitLimits: [UInt64] = [
    1000, 10_000, 100_000, 1_000_000, 10_000_000, 60_000_000, 600_000_000, 3_600_000_000, 86_400_000_000,
  ]

  /// A job waited so many microseconds.
  package func add(wait time: UInt64) {
    cells.add(Self.firstWait + (Self.waitLimits.firstIndex { time <= $0 } ?? Self.waitLimits.count), 1)
    cells.add(Self.firstWait + Self.waitLimits.count + 1, time)
  }

  /// Jobs in each class, and the sum of their times.
  package var waits: (classes: [UInt64], sum: UInt64) {
    let last = Self.firstWait + Self.waitLimits.count
    return ((Self.firstWait...last).map { cells[$0] }, cells[last + 1])
  }

  private static func cell(_ failures: Failures, _ errno: Int) -> Int {
    // One that no Linux has counts as number 0.
    firstErrno + failures.rawValue * errnos + ((1..<errnos).contains(errno) ? errno : 0)
  }
}

extension StoreErrorKind {
  fileprivate var index: Int { Self.allCases.firstIndex(of: self)! }
}
