import Glibc
import Platform

/// What stdout and stderr are shown on.
enum Screen {
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Something is shown while stdout goes elsewhere.
  static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 && !isTerminal }
  static let clear = "\u{1b}[H\u{1b}[2J"

  static func hasColour(_ environment: Environment = Environment()) -> Bool {
    isTerminal && environment["NO_COLOR"] == nil && environment["TERM"] != "dumb"
  }

  /// Columns; nil when it is no terminal.
  static var width: Int? { isTerminal ? width(of: STDOUT_FILENO) : nil }
  static func width(of descriptor: Int32) -> Int? {
    size(of: descriptor).flatMap { $0.ws_col > 0 ? Int($0.ws_col) : nil }
  }
  /// Lines; nil when it is no terminal.
  static var height: Int? {
    isTerminal ? size(of: STDOUT_FILENO).flatMap { $0.ws_row > 0 ? Int($0.ws_row) : nil } : nil
  }

  private static func size(of descriptor: Int32) -> winsize? {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : nil
  }
}

enum Colour: String {
  case red = "31"
  case green = "32"
  case yellow = "33"

  func paint(_ text: String) -> String { "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" }
}
