import Glibc
import Platform

/// What people see of a batch on stderr: failures as they come, and below them one line that says how far it is. Any thread.
final class BatchConsole: Sendable {
  private struct State {
    /// What is sketched; empty: nothing.
    var line = ""
    /// Why nothing is sent for now.
    var note: String?
    var wasNoted = false
    var isOver = false
  }

  private let state = Mutex(State())
  private let showsProgress: Bool
  private static let every: UInt32 = 200_000

  /// `isTyped`: the commands are typed, and a line that is drawn would be in the way.
  init(isTyped: Bool) { showsProgress = isatty(STDERR_FILENO) == 1 && !isTyped }

  /// Draws the line again and again. `text`: what it says.
  func start(_ text: @escaping @Sendable () -> String) throws {
    guard showsProgress else { return }
    try SystemThread.detach { [self] in
      while true {
        usleep(Self.every)
        let text = text()
        let isOver = state.withLock { state in
          if !state.isOver { draw(text + (state.note.map { "; waits: \($0)" } ?? ""), &state) }
          return state.isOver
        }
        if isOver { return }
      }
    }
  }

  /// Whole lines.
  func tell(_ lines: [String]) {
    state.withLock { state in
      draw("", &state)
      Terminal.complain(lines.joined(separator: "\n"))
    }
  }

  /// Why nothing is sent for now; nil: it is. Told once where there is no line that says so.
  func note(_ why: String?) {
    state.withLock { state in
      state.note = why
      guard let why, !showsProgress, !state.wasNoted else { return }
      state.wasNoted = true
      Terminal.complain("jobctl: waits until the daemon takes more: \(Text.printable(why))")
    }
  }

  /// Takes the line away for good.
  func finish() {
    state.withLock { state in
      state.isOver = true
      draw("", &state)
    }
  }

  private func draw(_ text: String, _ state: inout State) {
    guard showsProgress, text != state.line else { return }
    state.line = Text.cut(text, max(1, (Screen.width(of: STDERR_FILENO) ?? 80) - 1))
    Terminal.sketch(state.line)
  }
}
