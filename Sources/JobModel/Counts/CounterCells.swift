import CPlatform
import Glibc
import Platform

/// Numbers in a memory file that the two processes share: one counts, the other reads. They outlive the process that
/// counts, whose successor goes on with them. Any thread.
package final class CounterCells: @unchecked Sendable {
  // Set once; each access to the memory is one atomic load, store or addition.
  private let cells: UnsafeMutablePointer<UInt64>
  package let count: Int
  /// Of the memory file; closed with the release.
  package let descriptor: Int32

  /// A file of its own, all 0.
  package convenience init(_ name: String, count: Int) throws(SystemError) {
    let descriptor = jp_counts_new(name, count)
    guard descriptor >= 0 else { throw SystemError(descriptor, "make memory for counters") }
    try self.init(descriptor: descriptor, count: count, isWritable: true)
  }

  /// Takes the descriptor over, unless it fails.
  package init(descriptor: Int32, count: Int, isWritable: Bool) throws(SystemError) {
    var mapped: UnsafeMutablePointer<UInt64>?
    let status = jp_counts_map(descriptor, count, isWritable, &mapped)
    guard status == 0, let mapped else { throw SystemError(status, "map counters") }
    (cells, self.count, self.descriptor) = (mapped, count, descriptor)
  }

  deinit {
    munmap(cells, count * MemoryLayout<UInt64>.stride)
    close(descriptor)
  }

  /// Nobody can map them for writing from now on.
  package func seal() throws(SystemError) {
    try SystemError.check(jp_counts_seal(descriptor), "seal counters")
  }

  package subscript(cell: Int) -> UInt64 {
    precondition(cell < count)
    return jp_counted(cells + cell)
  }

  package func add(_ cell: Int, _ amount: UInt64 = 1) {
    precondition(cell < count)
    jp_count(cells + cell, amount)
  }

  package func set(_ cell: Int, _ value: UInt64) {
    precondition(cell < count)
    jp_count_set(cells + cell, value)
  }

  /// Where the cells from `cell` on lie, for the C core.
  package func address(of cell: Int) -> UnsafeMutablePointer<UInt64> { cells + cell }
}
