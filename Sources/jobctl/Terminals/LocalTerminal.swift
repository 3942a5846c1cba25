import Glibc
import JobClient
import Platform

/// The terminal that jobctl runs on, while a job's is shown on it; as it was before once that ends, however jobctl ends. Any
/// thread.
final class LocalTerminal: @unchecked Sendable {
  // `before` and `guardian` are set once; the mutexes guard the rest.
  private struct Shown {
    var modes = ScreenModes()
    /// What they were when the terminal was left.
    var left: ScreenModes?
    var isAtLineStart = true

    mutating func leave() -> String {
      defer { (left, modes) = (modes, ScreenModes()) }
      return modes.undo
    }

    mutating func takeUp() -> String {
      defer { left = nil }
      guard let left else { return "" }
      modes = left
      return modes.redo
    }
  }

  /// Nil: keys are not taken.
  private let before: termios?
  private let dropsKeys: Bool
  private let guardian: TerminalGuard
  private let isEntered = Mutex(false)
  private let isOver = Mutex(false)
  private let shown = Mutex(Shown())
  /// Milliseconds for which a terminal may take nothing before it is not talked to.
  private static let patience: Int32 = 200

  /// Whether jobctl's input and output are terminals.
  static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

  /// Whether input is a terminal whose keys are this process's, and not of another job of the shell.
  static var hasKeys: Bool { isatty(STDIN_FILENO) == 1 && isOwn(STDIN_FILENO) }

  private static func isOwn(_ terminal: Int32) -> Bool {
    let group = tcgetpgrp(terminal)
    return group < 0 ? errno == ENOTTY : group == getpgrp()
  }

  /// Its size in characters; 24 lines of 80 where that is not known.
  static var size: TerminalSize {
    guard let rows = Screen.height, let columns = Screen.width else {
      return TerminalSize(rows: 24, columns: 80)
    }
    return TerminalSize(rows: Int64(rows), columns: Int64(columns))
  }

  /// `takesKeys`: input is a terminal too, and whoever shows the job reads what is typed. `dropsKeys`: what was typed and not
  /// read is nobody's once the terminal is left.
  init(takesKeys: Bool, dropsKeys: Bool = false) throws {
    self.dropsKeys = dropsKeys
    before = takesKeys ? try Self.state() : nil
    guardian = try TerminalGuard(
      keys: takesKeys ? STDIN_FILENO : STDOUT_FILENO, before: before, screen: STDOUT_FILENO,
      undo: ScreenModes.undoOfAll)
  }

  private static func state() throws -> termios {
    var state = termios()
    guard tcgetattr(STDIN_FILENO, &state) == 0 else { throw SystemError(errno, "read the terminal's state") }
    return state
  }

  /// Whether it is this process's, and not of another job of the shell: one that is no session's has no such jobs.
  private var isOwn: Bool { Self.isOwn(before == nil ? STDOUT_FILENO : STDIN_FILENO) }

  /// Keys come as they are typed, and are not shown; and the screen is as the job has it. At the beginning, and whenever the
  /// process goes on after it was stopped: false in the background.
  @discardableResult
  func enter() -> Bool {
    isEntered.withLock { isEntered in
      guard !isOver.withLock({ $0 }), isOwn else { return false }
      guardian.entered()
      if var raw = before {
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
      }
      if !isEntered { write { $0.takeUp() } }
      isEntered = true
      return true
    }
  }

  /// As it was, at once: what it has not shown yet may never be.
  func leave() {
    isEntered.withLock { isEntered in
      if isEntered, isOwn, var before {
        if dropsKeys { tcflush(STDIN_FILENO, TCIFLUSH) }
        tcsetattr(STDIN_FILENO, TCSANOW, &before)
      }
      write { $0.leave() }
      if isEntered { guardian.left() }
      isEntered = false
    }
  }

  /// The job is not shown on it any more. Of the threads that would end jobctl the first calls this; for the others it never
  /// returns.
  func end() {
    let isFirst = isOver.withLock { isOver in
      defer { isOver = true }
      return !isOver
    }
    while !isFirst { pause() }
    leave()
    guardian.end()
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
  private let answered: UInt64
  private var queries = TerminalQueries()
  private var buffer: [UInt8] = []
  private var (isBegun, isFirst) = (false, true)

  /// `begun` is called once the daemon sends it, `first` when there is some. `answered`: from which byte on the terminal may
  /// answer what the job asks it; what is asked before is not shown.
  init(
    _ terminal: LocalTerminal, answersFrom answered: UInt64, begun: @escaping () -> Void = {},
    first: @escaping () -> Void = {}
  ) {
    (self.terminal, self.answered, self.begun, self.first) = (terminal, answered, begun, first)
  }

  func take(_ piece: LogPiece) {
    let unanswered =
      piece.offset < answered ? Int(min(answered - piece.offset, UInt64(piece.bytes.count))) : 0
    buffer += queries.drop(from: piece.bytes.prefix(unanswered))
    if unanswered < piece.bytes.count { buffer += queries.release() + piece.bytes.dropFirst(unanswered) }
  }

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
