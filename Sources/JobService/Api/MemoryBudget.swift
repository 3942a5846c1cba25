import CJobHTTP
import JobModel
import Platform

/// What the api process may hold in memory for its clients. Any thread.
final class MemoryBudget: @unchecked Sendable {
  // Set once; what it points to is atomic.
  let handle: OpaquePointer

  init(_ configuration: Configuration) throws(SystemError) {
    var made: OpaquePointer?
    let status = jc_budget_new(configuration.maxMemory, &made)
    guard status == 0, let made else { throw SystemError(status, "count memory") }
    handle = made
  }

  deinit { jc_budget_free(handle) }

  /// What may be held for a client, by its index in the ``ClientTable``: before its first request.
  func allow(_ client: Int, _ bytes: Int) { jc_budget_allow(handle, Int64(client), bytes) }

  /// Bytes that are held now.
  var held: Int { jc_budget_held(handle) }
}
