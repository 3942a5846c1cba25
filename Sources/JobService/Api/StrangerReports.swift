import CJobHTTP
import JobModel
import Platform

/// Tells the supervisor of peers that were not let in, which may be as many as they like: some in each second, the others
/// in one. Any thread.
final class StrangerReports: Sendable {
  private struct Second {
    var told = 0
    var others: Stranger?
  }
  private let second = Mutex(Second())
  private let tell: @Sendable (Stranger) -> Void

  static let most = 20

  init(_ tell: @escaping @Sendable (Stranger) -> Void) { self.tell = tell }

  func add(_ stranger: Stranger) {
    let isTold = second.withLock { second in
      second.told += 1
      guard second.told > Self.most else { return true }
      let before = second.others?.count ?? 0
      second.others = stranger
      second.others?.count += before
      return false
    }
    if isTold { tell(stranger) }
  }

  /// A second has passed.
  func tick() {
    let others = second.withLock { second in
      defer { second = Second() }
      return second.others
    }
    if let others { tell(others) }
  }
}

extension Stranger {
  init(_ failure: jc_failure) {
    self.init(
      address: String(cString: failure.address), reason: String(cString: failure.reason),
      name: failure.name.map { String(cString: $0) }, serial: failure.serial.map { String(cString: $0) })
  }
}
