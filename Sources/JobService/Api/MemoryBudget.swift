import CJobHTTP
import JobModel
import Platform

/// What the api process may hold in memory for its clients. Any thread.
final class MemoryBudget: @unchecked Sendable {
  // Set once; what it points to is atomic.
  let handle: OpaquePointer

  init(_ configuration: Configuration) throws(SystemError) {
    var made: OpaquePointer?
    let status = jc_budget_new(configuration.maxMemory, configuration.clientMemory, &made)
    guard status == 0, let made else { throw SystemError(status, "count memory") }
    handle = made
  }

  deinit { jc_budget_free(handle) }

  /// Bytes that are held now.
  var held: Int { jc_budget_held(handle) }
}
