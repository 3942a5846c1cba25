import Glibc
import JobClient
import Platform

/// Has the job's terminal be as large as jobctl's, by requests of a thread of its own.
final class TerminalResizer: Sendable {
  private let settings: ConnectionSettings
  private let id: JobID
  private let writer: String
  private let wanted = Semaphore()
  private let wish = Mutex(ResizeWish())
  /// Microseconds between two sizes, so that a program sees both.
  private static let pause: UInt32 = 50_000

  init(_ settings: ConnectionSettings, _ id: JobID, as writer: String) {
    (self.settings, self.id, self.writer) = (settings, id, writer)
  }

  func start() throws { try SystemThread.detach { [self] in run() } }

  func resize() { want(redraw: false) }

  /// Two changes of size, which programs answer by drawing all of their screen.
  func redraw() { want(redraw: true) }

  private func want(redraw: Bool) {
    if wish.withLock({ $0.add(redraw: redraw) }) { wanted.post() }
  }

  private func run() {
    let client = JobClient(settings)
    let bridge = Bridge(client)
    bridge.reached()
    while true {
      wanted.wait()
      let isRedraw = wish.withLock { $0.take() }
      // A job that waits, or has ended, has no terminal; and whoever follows the job is told that the daemon is gone.
      try? bridge.call {
        let size = LocalTerminal.size
        if isRedraw {
          try client.resize(id, size.other, as: writer)
          usleep(Self.pause)
        }
        try client.resize(id, size, as: writer)
      }
    }
  }
}

/// What is wanted of a terminal's size and not begun yet. Many changes are one: only the last size counts.
struct ResizeWish {
  private var (isWanted, isRedraw) = (false, false)

  /// Whether nothing was wanted before.
  mutating func add(redraw: Bool) -> Bool {
    defer { (isWanted, isRedraw) = (true, isRedraw || redraw) }
    return !isWanted
  }

  /// Whether the screen is to be drawn again. Nothing is wanted any longer.
  mutating func take() -> Bool {
    defer { self = ResizeWish() }
    return isRedraw
  }
}

extension TerminalSize {
  /// One that differs in a line.
  fileprivate var other: TerminalSize { TerminalSize(rows: rows > 1 ? rows - 1 : rows + 1, columns: columns) }
}
