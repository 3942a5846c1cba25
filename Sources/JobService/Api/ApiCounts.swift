import CJobHTTP
import CPlatform
import Glibc
import JobModel
import Platform

/// What the api process counts, each worker in cells of its own. The supervisor keeps the memory from one api process
/// to the next, and never looks at it: whatever a compromised one writes there is seen by its successors alone. Any
/// thread.
final class ApiCounts: Sendable {
  enum Counter: Int, CaseIterable {
    case connections, turnedAway, failedHandshakes
    case refusedConnections, refusedFollowers
    /// Requests that the budget of memory had no room for.
    case refusedClientMemory, refusedMemory
  }

  private static let first = Int(JC_SERVER_COUNTS.rawValue)
  private static let ofWorker = ApiCountsMemory.ofWorker

  private let cells: CounterCells

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
    case .refusedClientMemory: Int(JC_COUNT_CLIENT_MEMORY.rawValue)
    case .refusedMemory: Int(JC_COUNT_MEMORY.rawValue)
    case .refusedConnections: first
    case .refusedFollowers: first + 1
    }
  }

  private func sum(_ cell: Int) -> UInt64 {
    stride(from: cell, to: cells.count, by: Self.ofWorker).reduce(0) { $0 &+ cells[$1] }
  }
}
