import CJobCore
import Glibc

/// What the api process counts, each worker in cells of its own. The supervisor keeps the memory from one api process
/// to the next, and never looks at it: whatever a compromised one writes there is seen by its successors alone. Any
/// thread.
final class ApiCounts: Sendable {
  enum Counter: Int, CaseIterable {
    case connections, turnedAway, failedHandshakes
    case refusedConnections, refusedFollowers
  }

  private static let first = Int(JC_SERVER_COUNTS.rawValue)
  /// Cells of one worker: those of its server come first. Whole pages, so that no two workers share a cache line.
  private static let ofWorker = 1024

  private let cells: CounterCells

  /// A descriptor of memory for so many workers. `handed`: a predecessor's, which is taken if it is large enough, and
  /// closed if not.
  static func memory(workers: Int, handed: Int32? = nil) throws(SystemError) -> Int32 {
    if let handed {
      var info = stat()
      let isEnough = fstat(handed, &info) == 0 && Int(info.st_size) >= workers * ofWorker * 8
      guard !isEnough else { return handed }
      close(handed)
    }
    let descriptor = jc_counts_new("jobd api counters", workers * ofWorker)
    guard descriptor >= 0 else { throw SystemError(descriptor, "make memory for counters") }
    return descriptor
  }

  init(descriptor: Int32, workers: Int) throws(SystemError) {
    cells = try CounterCells(descriptor: descriptor, count: workers * Self.ofWorker, isWritable: true)
  }

  /// For the worker's server.
  func server(_ worker: Int) -> UnsafeMutablePointer<UInt64> { cells.address(of: worker * Self.ofWorker) }

  func add(_ counter: Counter, worker: Int) { cells.add(worker * Self.ofWorker + Self.cell(counter)) }

  subscript(counter: Counter) -> UInt64 { sum(Self.cell(counter)) }

  /// Replies of an HTTP status.
  subscript(status status: Int) -> UInt64 { sum(Int(JC_COUNT_REPLIES.rawValue) + status) }

  static let statuses = 100..<600

  private static func cell(_ counter: Counter) -> Int {
    switch counter {
    case .connections: Int(JC_COUNT_CONNECTIONS.rawValue)
    case .turnedAway: Int(JC_COUNT_TURNED_AWAY.rawValue)
    case .failedHandshakes: Int(JC_COUNT_FAILED_HANDSHAKES.rawValue)
    case .refusedConnections: first
    case .refusedFollowers: first + 1
    }
  }

  private func sum(_ cell: Int) -> UInt64 {
    stride(from: cell, to: cells.count, by: Self.ofWorker).reduce(0) { $0 &+ cells[$1] }
  }
}
