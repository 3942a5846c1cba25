import CPlatform
import Glibc

/// Puts a terminal back into a state when this process ends without having done so, even killed. Any thread.
package struct TerminalGuard: Sendable {
  private let made: jp_terminal_guard

  /// Its process has a session of its own, and ends with this one.
  package init(_ terminal: Int32, _ before: termios) throws(SystemError) {
    var (made, before) = (jp_terminal_guard(), before)
    try SystemError.check(
      jp_terminal_guard_start(terminal, &before, &made), "start what restores the terminal")
    self.made = made
  }

  /// The terminal stays as it is. Once.
  package func end() { jp_terminal_guard_end(made) }
}
