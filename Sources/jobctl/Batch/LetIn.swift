import JobClient

extension JobClient {
  /// Connects, and says whether the daemon lets this client have one more connection. For work that others do where it does not.
  func isLetIn() -> Bool {
    do {
      _ = try list(["limit": "1"])
      return true
    } catch {
      disconnect()
      return false
    }
  }
}
