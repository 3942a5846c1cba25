import JobAPI
import JobClient
import Platform

/// `--rm`: removes the jobs of a batch that succeeded. Those that failed are kept.
enum BatchCleanup {
  /// Connections used at once, where the daemon lets this client have so many.
  private static let most = 8

  static func run(_ settings: ConnectionSettings, key: String) throws {
    let client = JobClient(settings)
    let bridge = Bridge(client)
    while true {
      let ids = try bridge.call { try succeeded(client, key) }
      guard !ids.isEmpty else { return }
      let left = Mutex(ids[...])
      let fault = Mutex<(any Error)?>(nil)
      try SystemThread.run(min(most, ids.count) - 1) {
        let client = JobClient(settings)
        guard client.isLetIn() else { return }
        do {
          try remove(left, Bridge(client), client)
        } catch {
          fault.withLock { $0 = error }
        }
      }
      if let error = fault.withLock({ $0 }) { throw error }
      try remove(left, bridge, client)
    }
  }

  /// Some of them.
  private static func succeeded(_ client: JobClient, _ key: String) throws -> [JobID] {
    var ids: [JobID] = []
    let query: Query = ["label": "\(BatchForm.label)=\(key)", "state": "completed"]
    try JobPages(client, query).visit(
      most: 1000, where: { ExitCode.of($0.state) == 0 }, { ids.append($0.id) })
    return ids
  }

  private static func remove(_ left: Mutex<ArraySlice<JobID>>, _ bridge: Bridge, _ client: JobClient) throws {
    bridge.reached()
    while let id = left.withLock({ $0.popFirst() }) {
      try bridge.call {
        do { try client.delete(id) } catch ClientError.notFound {}
      }
    }
  }
}
