import JobModel
import Platform

/// Creations that come faster than they are handled: some are handled in each round of the loop, and the clients take
/// turns. So one that asks for thousands at a time delays another's by a few, and what becomes of the jobs by no more
/// than a round.
struct CreationTurns {
  typealias Asked = (creation: ApiRequest.Creation, name: String, caller: Caller)
  private var waiting = FairQueue<Asked>()
  /// Creations that came, and were handled, in this round.
  private var handled = 0

  /// Each time that a round of the loop ends, which it may do twice: some milliseconds.
  private static let most = 32
  /// Of one client: beyond this they are refused, as it would take memory to hold them.
  static let mostWaiting = 65_536

  var isEmpty: Bool { waiting.isEmpty }

  /// Whether one that comes now is to be handled at once; else ``add(_:of:)`` follows.
  mutating func takesAtOnce() -> Bool {
    guard waiting.isEmpty, handled < Self.most else { return false }
    handled += 1
    return true
  }

  /// False: too many of its client wait.
  mutating func add(_ asked: Asked, of client: Int64) -> Bool {
    guard waiting.count(of: client) < Self.mostWaiting else { return false }
    waiting.append(asked, of: client)
    return true
  }

  /// The end of a round: those that are to be handled now.
  mutating func take() -> [Asked] {
    handled = 0
    return (0..<min(Self.most, waiting.count)).compactMap { _ in waiting.popFirst() }
  }
}
