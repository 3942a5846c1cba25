import JobLoop
import Platform

/// Requests that were not carried out cost who makes them nothing: past some in a second, those of one client are one line
/// with their count, or a client could fill the disk of the trail, and so keep all others from creating jobs. Supervisor's
/// thread only.
final class AuditFailures {
  private var timer: LoopTimer!
  private let write: (AuditEntry) -> Void
  /// In this second, by the client's name, with the last of those that have no line.
  private var clients: [ByteText: (count: Int, last: AuditEntry?)] = [:]

  static let most = 20

  init(_ loop: EventLoop, _ write: @escaping (AuditEntry) -> Void) throws(SystemError) {
    self.write = write
    timer = try LoopTimer(loop) { [unowned self] in self.tell() }
  }

  /// Whether the entry gets no line of its own.
  func takes(_ entry: AuditEntry) -> Bool {
    guard entry.failure != nil, let client = entry.peer.map({ ByteText($0.name) }) else { return false }
    if clients.isEmpty { timer.start(milliseconds: 1000) }
    let count = (clients[client]?.count ?? 0) + 1
    clients[client] = (count, count > Self.most ? entry : nil)
    return count > Self.most
  }

  /// The second is over.
  func tell() {
    for (count, last) in clients.values {
      guard var entry = last else { continue }
      entry.count = count - Self.most
      write(entry)
    }
    clients = [:]
  }
}
