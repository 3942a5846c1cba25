import CPlatform
import Glibc

/// Puts a terminal back into a state when this process ends without having done so, even killed. Any thread.
package struct TerminalGuard: Sendable {
  private let made: jp_terminal_guard

  /// `before`: the state of the terminal `keys`; nil: that stays. `undo`: what the terminal `screen` is sent. Its process has
  /// a session of its own, and ends with this one.
  package init(keys: Int32, before: termios?, screen: Int32, undo: String) throws(SystemError) {
    var made = jp_terminal_guard()
    let code = withUnsafePointer(to: before ?? termios()) { state in
      undo.withCString { undo in
        var state = jp_terminal_state(
          keys: keys, before: before == nil ? nil : state, screen: screen, undo: undo)
        return jp_terminal_guard_start(&state, &made)
      }
    }
    try SystemError.check(code, "start what restores the terminal")
    self.made = made
  }

  /// It is about to be changed.
  package func entered() { jp_terminal_guard_tell(made, true) }
  /// It is as it was: nothing is to be restored.
  package func left() { jp_terminal_guard_tell(made, false) }

  /// The terminal stays as it is. Once, and the last call.
  package func end() { jp_terminal_guard_end(made) }
}
