import Glibc
import Platform

/// What the supervisor counts. The api process reads it and cannot write it. Any thread.
package final class SupervisorCounts: Sendable {
  /// Changes with the meaning of any cell, here or in ``ApiCounts``: a successor with another begins anew.
  private static let layout: UInt32 = 1

  package enum Counter: Int, CaseIterable {
    /// When the daemon started, in microseconds since 1970. An upgrade is no start.
    case startTime
    /// Jobs that run, or whose result is not on disk yet: set, not added to.
    case running
    case created, started, completed, failed, deleted
    /// Groups of changes, and changes in them.
    case storeCommits, storeChanges
    /// An api process that died had to be started again; one could not be started.
    case apiRestarts, apiStartFailures
    case refusedRunningJobs, refusedClientRunningJobs, refusedClientStoredBytes, refusedClientCreateRate
  }

  /// Counters by errno.
  package enum Failures: Int, CaseIterable {
    /// Jobs that could not be started, by a fault of what they ask for and by one of this system.
    case launchOfJob, launchOfSystem
    /// Streams of jobs that could not be written, or not be brought to disk.
    case output
  }

  /// What a successor in this process is handed: descriptors of the memory, which has the meaning that `layout`
  /// stands for.
  package struct Handed: Equatable {
    package var layout: UInt32
    package var supervisor: Int32
    package var api: Int32

    package init(layout: UInt32, supervisor: Int32, api: Int32) {
      (self.layout, self.supervisor, self.api) = (layout, supervisor, api)
    }
  }

  package static let errnos = 134
  private static let firstStoreFailure = Counter.allCases.count
  private static let firstErrno = firstStoreFailure + StoreErrorKind.allCases.count
  private static let count = firstErrno + Failures.allCases.count * errnos

  private let cells: CounterCells
  /// Memory of the api process's counters, kept from one to the next and never looked at; -1 in the api process.
  private let api: Int32

  /// `workers`: of an api process. `handed`: what a predecessor in this process counted, which is taken over.
  package init(workers: Int, handed: Handed? = nil) throws(SystemError) {
    cells = try CounterCells("jobd counters", count: Self.count)
    try cells.seal()
    guard let handed, handed.layout == Self.layout else {
      api = try ApiCountsMemory.make(workers: workers)
      set(.startTime, UInt64(Clock.microseconds()))
      for descriptor in handed.map({ [$0.supervisor, $0.api] }) ?? [] { close(descriptor) }
      return
    }
    api = try ApiCountsMemory.make(workers: workers, handed: handed.api)
    let old = try CounterCells(descriptor: handed.supervisor, count: Self.count, isWritable: false)
    for cell in 0..<Self.count { cells.set(cell, old[cell]) }
    keepAcrossExec(false)
  }

  /// To read, in the api process; takes the descriptor over.
  package init(reading descriptor: Int32) throws(SystemError) {
    cells = try CounterCells(descriptor: descriptor, count: Self.count, isWritable: false)
    api = -1
  }

  deinit { if api >= 0 { close(api) } }

  /// What an api process is passed: to read this, and to count itself.
  package var descriptors: [Int32] { [cells.descriptor, api] }

  package var handed: Handed {
    Handed(layout: Self.layout, supervisor: cells.descriptor, api: api)
  }

  package func keepAcrossExec(_ keeps: Bool) {
    for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, keeps ? 0 : FD_CLOEXEC) }
  }

  package subscript(counter: Counter) -> UInt64 { cells[counter.rawValue] }
  package func add(_ counter: Counter, _ amount: Int = 1) { cells.add(counter.rawValue, UInt64(amount)) }
  package func set(_ counter: Counter, _ value: UInt64) { cells.set(counter.rawValue, value) }

  package subscript(store kind: StoreErrorKind) -> UInt64 { cells[Self.firstStoreFailure + kind.index] }
  package func add(store kind: StoreErrorKind) { cells.add(Self.firstStoreFailure + kind.index) }

  package subscript(failures: Failures, errno: Int) -> UInt64 { cells[Self.cell(failures, errno)] }
  package func add(_ failures: Failures, errno: Int32) { cells.add(Self.cell(failures, Int(errno))) }

  private static func cell(_ failures: Failures, _ errno: Int) -> Int {
    // One that no Linux has counts as number 0.
    firstErrno + failures.rawValue * errnos + ((1..<errnos).contains(errno) ? errno : 0)
  }
}

extension StoreErrorKind {
  fileprivate var index: Int { Self.allCases.firstIndex(of: self)! }
}
