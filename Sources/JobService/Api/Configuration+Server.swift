import CJobHTTP
import JobModel
import JobStore

extension Configuration {
  private func share(_ number: Int) -> Int { (number + workers - 1) / workers }

  /// What one worker's listener is to bear; `listener` is taken over by the server.
  func serverOptions(_ listener: Int32, _ budget: MemoryBudget) -> jc_server_options {
    jc_server_options(
      listen_fd: listener, max_head: maxHead, max_body: maxBody,
      max_connections: share(maxConnections), max_handshakes: share(maxHandshakes),
      handshake_ms: UInt32(handshakeTimeout),
      head_ms: UInt32(headTimeout), body_ms: UInt32(bodyTimeout), idle_ms: UInt32(idleTimeout),
      write_ms: UInt32(writeTimeout), budget: budget.handle, counts: nil)
  }
}
