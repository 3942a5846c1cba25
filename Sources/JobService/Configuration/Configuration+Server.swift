import CJobCore

extension Configuration {
  /// What one worker's listener is to bear; `listener` is taken over by the server.
  func serverOptions(_ listener: Int32) -> jc_server_options {
    jc_server_options(
      listen_fd: listener, max_head: maxHead, max_body: maxBody,
      max_connections: (maxConnections + workers - 1) / workers, handshake_ms: UInt32(handshakeTimeout),
      head_ms: UInt32(headTimeout), body_ms: UInt32(bodyTimeout), idle_ms: UInt32(idleTimeout),
      write_ms: UInt32(writeTimeout), counts: nil)
  }

  /// How long finished jobs and events are kept.
  var retention: Retention {
    Retention(
      age: Int64(retentionAge) * 1000, jobs: Int64(retentionJobs), bytes: Int64(retentionBytes),
      totalBytes: Int64(retentionTotalBytes), events: Int64(retentionEvents),
      eventAge: Int64(retentionAge) * 1000)
  }
}
