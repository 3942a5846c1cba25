import Glibc
import JobClient
import Platform

/// The terminal that jobctl runs on, while a job's is shown on it; as it was before once that ends, however jobctl ends. Any
/// thread.
final class LocalTerminal: @unchecked Sendable {
  // `before` and `guardian` are set once; the mutexes guard the rest.
  private struct Shown {
    var modes = ScreenModes()
    var isAtLineStart = true
  }

  private let before: termios
  private let guardian: TerminalGuard
  private let isRaw = Mutex(false)
  private let shown = Mutex(Shown())
  /// Milliseconds for which a terminal may take nothing before it is not talked to.
  private static let patience: Int32 = 200

  /// Whether jobctl's input and output are terminals.
  static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

  /// Its size in characters; 24 lines of 80 where that is not known.
  static var size: TerminalSize {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
      return TerminalSize(rows: 24, columns: 80)
    }
    return TerminalSize(rows: Int64(size.ws_row), columns: Int64(size.ws_col))
  }

  init() throws {
    var before = termios()
    guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw SystemError(errno, "read the terminal's state") }
    (self.before, guardian) = (before, try TerminalGuard(STDIN_FILENO, before))
  }

  /// Whether it is this process's, and not of another job of the shell.
  private var isOwn: Bool { tcgetpgrp(STDIN_FILENO) == getpgrp() }

  /// Keys come as they are typed, and are not shown. At the beginning, and whenever the process goes on after it was stopped:
  /// false in the background.
  @discardableResult
  func enter() -> Bool {
    isRaw.withLock { isRaw in
      guard isOwn else { return false }
      var raw = before
      cfmakeraw(&raw)
      tcsetattr(STDIN_FILENO, TCSANOW, &raw)
      isRaw = true
      return true
    }
  }

  /// As it was, at once: what it has not shown yet may never be.
  func leave() {
    isRaw.withLock { isRaw in
      if isRaw, isOwn {
        var before = before
        tcsetattr(STDIN_FILENO, TCSANOW, &before)
      }
      isRaw = false
    }
  }

  /// The job is not shown on it any more.
  func end() {
    leave()
    guardian.end()
    write { $0.modes.undo }
  }

  func show(_ bytes: UnsafeRawBufferPointer) throws {
    guard let last = bytes.last else { return }
    try shown.withLock { shown in
      shown.modes.take(bytes)
      shown.isAtLineStart = last == 0x0a
      try Terminal.write(bytes, to: STDOUT_FILENO)
    }
  }

  /// A line of jobctl's own, on a line of its own.
  func say(_ line: String) {
    write { shown in
      defer { shown.isAtLineStart = true }
      return "\(shown.isAtLineStart ? "" : "\r\n")\(line)\r\n"
    }
  }

  /// Whatever colour was shown last.
  func resetColour() { write { _ in "\u{1b}[0m" } }

  /// What is printed next begins a line.
  func beginLine() {
    write { shown in
      defer { shown.isAtLineStart = true }
      return shown.isAtLineStart ? "" : "\r\n"
    }
  }

  /// Unless it takes nothing: whoever shows something on it then has the lock, and waits.
  private func write(_ text: (inout Shown) -> String) {
    var ready = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
    guard poll(&ready, 1, Self.patience) == 1, ready.revents & Int16(POLLOUT) != 0 else { return }
    shown.withLock { try? Terminal.print(text(&$0)) }
  }
}

/// Shows a job's output on the terminal, block by block as it comes.
final class TerminalOutput: LogFollower.Taker {
  private let terminal: LocalTerminal
  private let begun, first: () -> Void
  private var buffer: [UInt8] = []
  private var (isBegun, isFirst) = (false, true)

  /// `begun` is called once the daemon sends it, `first` when there is some.
  init(_ terminal: LocalTerminal, begun: @escaping () -> Void, first: @escaping () -> Void) {
    (self.terminal, self.begun, self.first) = (terminal, begun, first)
  }

  func take(_ piece: LogPiece) { buffer.append(contentsOf: piece.bytes) }

  func flush() throws {
    if !isBegun { begun() }
    isBegun = true
    if isFirst, !buffer.isEmpty {
      isFirst = false
      first()
    }
    defer { buffer.removeAll(keepingCapacity: true) }
    try buffer.withUnsafeBytes { try terminal.show($0) }
  }
}
