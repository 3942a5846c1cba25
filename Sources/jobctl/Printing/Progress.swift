import Platform

/// How far a long transfer is, on one line of a terminal's stderr: only once it has taken a while.
struct Progress {
  private let clock: Clock
  private let draw: ((String) -> Void)?
  private let started: Int64
  private var last: Int64
  private var done: Int64 = 0
  private let total: Int64?
  private static let after: Int64 = 1_000_000
  private static let every: Int64 = 200_000

  /// `draw`: shows a text and no longer the last one; nil: nothing is shown.
  init(
    total: Int64?, _ clock: Clock = .system,
    draw: ((String) -> Void)? = Screen.showsProgress ? { Terminal.sketch($0) } : nil
  ) {
    (self.total, self.clock, self.draw) = (total, clock, draw)
    started = clock.monotonic()
    last = started
  }

  mutating func advance(by count: Int) {
    done += Int64(count)
    guard let draw else { return }
    let now = clock.monotonic()
    guard now - started > Self.after, now - last > Self.every else { return }
    last = now
    draw(text)
  }

  /// Takes the line away.
  func finish() {
    if last != started { draw?("") }
  }

  var text: String {
    let rate = ByteCount.text(done * 1_000_000 / max(1, clock.monotonic() - started)) + "/s"
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
