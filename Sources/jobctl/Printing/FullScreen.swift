import Glibc

/// The terminal while one program has all of it: another screen, without a cursor, keys that come at once and are not shown. As
/// it was before once that ends, also by a signal. One at a time.
enum FullScreen {
  private nonisolated(unsafe) static var before: termios?
  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// What is to be done with the whole screen.
  static func with<Result>(_ body: () throws -> Result) rethrows -> Result {
    // Before a handler can be the first to use it.
    before = nil
    for number in ending { signal(number) { FullScreen.end(by: $0) } }
    signal(SIGTSTP) { _ in FullScreen.pause() }
    // Waiting for a key ends when the size changes.
    signal(SIGWINCH) { _ in }
    enter()
    defer { leave() }
    return try body()
  }

  /// In place of what is there.
  static func draw(_ text: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    try Terminal.print("\u{1b}[H" + lines.joined(separator: "\u{1b}[K\n") + "\u{1b}[J")
  }

  /// A key that is typed within that time; nil: none is, or the size has changed.
  static func key(within milliseconds: Int64) -> UInt8? {
    guard isatty(STDIN_FILENO) == 1 else {
      _ = poll(nil, 0, Int32(clamping: milliseconds))
      return nil
    }
    var keys = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard poll(&keys, 1, Int32(clamping: milliseconds)) > 0 else { return nil }
    var key: UInt8 = 0
    // The end of the input is as good as the key that ends.
    return read(STDIN_FILENO, &key, 1) == 1 ? key : UInt8(ascii: "q")
  }

  // What follows is called by handlers of signals too.

  private static func enter() {
    var now = termios()
    if tcgetattr(STDIN_FILENO, &now) == 0 {
      before = now
      now.c_lflag &= ~UInt32(ICANON | ECHO)
      tcsetattr(STDIN_FILENO, TCSANOW, &now)
    }
    put("\u{1b}[?1049h\u{1b}[?25l")
  }

  private static func leave() {
    put("\u{1b}[?25h\u{1b}[?1049l")
    if var before { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
  }

  private static func put(_ text: StaticString) {
    _ = write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }

  private static func end(by number: Int32) {
    leave()
    signal(number, SIG_DFL)
    raise(number)
  }

  private static func pause() {
    leave()
    kill(getpid(), SIGSTOP)
    enter()
  }
}
