import JobModel

/// Bytes that wait in memory for jobs to read them, also of requests whose client has gone. Supervisor's thread only.
final class InputMemory {
  private var held: [Int64: Int] = [:]
  private var total = 0
  private let configuration: Configuration

  init(_ configuration: Configuration) { self.configuration = configuration }

  func add(_ client: Int64, _ bytes: Int) {
    total += bytes
    let now = held[client, default: 0] + bytes
    held[client] = now == 0 ? nil : now
  }

  /// Why there is no room for so many more; nil: there is. `most`: what the client may have.
  func refusal(_ client: Int64, more: Int, most: Int) -> ClientLimits.Reached? {
    if held[client, default: 0] + more > most {
      let text = "your jobs have not read \(most) bytes of their standard input"
      return ClientLimits.Reached(.refusedClientMemory, text, reason: .unavailable)
    }
    guard total + more > configuration.maxMemory else { return nil }
    let text = "jobs have not read \(configuration.maxMemory) bytes of their standard input"
    return ClientLimits.Reached(.refusedMemory, text, reason: .unavailable)
  }
}
