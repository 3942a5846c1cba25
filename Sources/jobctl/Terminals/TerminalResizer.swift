import Glibc
import JobClient
import Platform

/// Has the job's terminal be as large as jobctl's, by requests of a thread of its own.
final class TerminalResizer: Sendable {
  private let settings: ConnectionSettings
  private let id: JobID
  private let writer: String
  private let wanted = Semaphore()
  private let isRedrawWanted = Mutex(false)
  /// Microseconds between two sizes, so that a program sees both.
  private static let pause: UInt32 = 50_000

  init(_ settings: ConnectionSettings, _ id: JobID, as writer: String) {
    (self.settings, self.id, self.writer) = (settings, id, writer)
  }

  func start() throws { try SystemThread.detach { [self] in run() } }

  func resize() { wanted.post() }

  /// Two changes of size, which programs answer by drawing all of their screen.
  func redraw() {
    isRedrawWanted.withLock { $0 = true }
    wanted.post()
  }

  private func run() {
    let client = JobClient(settings)
    let bridge = Bridge(client)
    bridge.reached()
    while true {
      wanted.wait()
      let isRedraw = isRedrawWanted.withLock { wanted in
        defer { wanted = false }
        return wanted
      }
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

extension TerminalSize {
  /// One that differs in a line.
  fileprivate var other: TerminalSize { TerminalSize(rows: rows > 1 ? rows - 1 : rows + 1, columns: columns) }
}
