import Glibc

/// A program on a terminal of its own, as a user has it.
package final class TerminalSession {
  private let terminal, line: Int32
  package let pid: pid_t
  private var shown: [UInt8] = []
  /// TIOCSPTLCK and TIOCGPTN, whose macros Swift does not see.
  private static let (unlock, numberOf): (UInt, UInt) = (0x4004_5431, 0x8004_5430)

  package init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
    var (number, isLocked) = (UInt32(0), Int32(0))
    guard terminal >= 0, ioctl(terminal, Self.unlock, &isLocked) == 0,
      ioctl(terminal, Self.numberOf, &number) == 0
    else { throw CannotStart(program: "a terminal", code: errno) }
    let name = "/dev/pts/\(number)"
    // Kept open, so that what the program leaves the terminal like can be seen.
    line = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard line >= 0 else { throw CannotStart(program: "a terminal", code: errno) }
    pid = try Self.spawn(program, arguments, environment, name)
  }

  deinit {
    close(line)
    close(terminal)
  }

  /// It leads a session, and the first terminal that it opens is the session's.
  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ terminal: String
  ) throws -> pid_t {
    // On a terminal Swift's runtime asks what to do about a signal that dumps core.
    let all = [
      "PATH": String(cString: getenv("PATH")), "HOME": "/nonexistent", "TERM": "dumb",
      "SWIFT_BACKTRACE": "enable=no",
    ]
    .merging(environment) { $1 }
    let newSession: Int32 = 0x80
    return try Spawn.start(program, arguments, environment: all, flags: newSession) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
      for descriptor in [1, 2] as [Int32] { posix_spawn_file_actions_adddup2(&actions, 0, descriptor) }
    }
  }

  /// All that was shown so far.
  package var text: String {
    var block = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(terminal, &block, block.count)
      guard count > 0 else { return String(decoding: shown, as: UTF8.self) }
      shown += block[..<count]
    }
  }

  /// Whether the terminal shows what is typed.
  package var echoes: Bool {
    var settings = termios()
    tcgetattr(terminal, &settings)
    return settings.c_lflag & tcflag_t(ECHO) != 0
  }

  /// Bytes that were typed and that nobody has read.
  package var unread: Int32 {
    var count: Int32 = 0
    _ = ioctl(line, UInt(FIONREAD), &count)
    return count
  }

  /// As a program does it that draws the whole screen.
  package func makeRaw() {
    var settings = termios()
    tcgetattr(terminal, &settings)
    cfmakeraw(&settings)
    tcsetattr(terminal, TCSANOW, &settings)
  }

  /// Changes its size in characters.
  package func resize(rows: UInt16, columns: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
  }

  package func signal(_ number: Int32) { kill(pid, number) }

  package func type(_ text: String) { _ = write(terminal, text, text.utf8.count) }

  /// Waits until `text` was shown `times`.
  package func expect(_ text: String, times: Int = 1) throws {
    do {
      try Poll.until("\"\(text)\" on the terminal") {
        self.text.components(around: text) > times
      }
    } catch {
      throw Poll.TimeIsUp(description: "\(error): \(self.text)")
    }
  }

  /// Its exit status; 128 + N after signal N.
  package func wait() throws -> Int32 {
    var raw: Int32 = 0
    do {
      try Poll.until("the end of a program") {
        _ = text
        return waitpid(pid, &raw, WNOHANG) == pid
      }
    } catch {
      kill(pid, SIGKILL)
      waitpid(pid, &raw, 0)
      throw Poll.TimeIsUp(description: "\(error): \(text)")
    }
    return raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + raw & 0x7f
  }
}

extension String {
  /// How many pieces there are around another text.
  fileprivate func components(around other: String) -> Int {
    self.split(separator: other, omittingEmptySubsequences: false).count
  }
}
