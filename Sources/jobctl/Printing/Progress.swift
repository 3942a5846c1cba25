import JobClient

/// How far a long transfer is, on one line of a terminal's stderr: only once it has taken a while.
struct Progress {
  private let isShown: Bool
  private let started: Int64
  private var last: Int64
  private var done: Int64 = 0
  private let total: Int64?
  private static let after: Int64 = 1000
  private static let every: Int64 = 200

  init(total: Int64?, isShown: Bool = Screen.showsProgress, now: Int64 = Monotonic.milliseconds()) {
    (self.total, self.isShown, started, last) = (total, isShown, now, now)
  }

  mutating func advance(by count: Int) {
    done += Int64(count)
    guard isShown else { return }
    let now = Monotonic.milliseconds()
    guard now - started > Self.after, now - last > Self.every else { return }
    last = now
    Terminal.sketch(text(now))
  }

  /// Takes the line away.
  func finish() {
    if last != started { Terminal.sketch("") }
  }

  func text(_ now: Int64) -> String {
    let rate = ByteCount.text(done * 1000 / max(1, now - started)) + "/s"
    guard let total, total > 0 else { return "\(ByteCount.text(done)), \(rate)" }
    return "\(ByteCount.text(done)) of \(ByteCount.text(total)) (\(done * 100 / total) %), \(rate)"
  }
}

enum ByteCount {
  static func text(_ bytes: Int64) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1000 { return unit == "B" ? "\(bytes) B" : "\(rounded(value)) \(unit)" }
      value /= 1024
    }
    return "\(rounded(value)) TiB"
  }

  private static func rounded(_ value: Double) -> String {
    value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int64(value.rounded()))"
  }
}
