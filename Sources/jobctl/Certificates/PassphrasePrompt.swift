import Glibc
import JobClient
import Platform

/// Asks for passphrases on the terminal, wherever the standard streams go.
final class PassphrasePrompt {
  private let terminal: Int32

  /// Nil: there is no terminal.
  init?() {
    terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard terminal >= 0 else { return nil }
  }

  deinit { close(terminal) }

  /// `question`: without the colon.
  func ask(_ question: String) throws -> Passphrase {
    let signals = try HeldSignals()
    while true {
      if let answer = try attempt(question, signals) { return answer }
      // Ends the process, or stops it for a while; what happens to neither asks again.
      signals.deliver()
    }
  }

  /// Nil: a signal came, and waits for the echo to be back.
  private func attempt(_ question: String, _ signals: borrowing HeldSignals) throws -> Passphrase? {
    var before = termios()
    guard tcgetattr(terminal, &before) == 0 else { throw SystemError(errno, "use the terminal") }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO | ECHOE | ECHOK | ECHONL)
    tcsetattr(terminal, TCSAFLUSH, &silent)
    defer {
      // What else was typed is not for the shell, which would carry it out.
      tcsetattr(terminal, TCSAFLUSH, &before)
      try? write("\n")
    }
    try write("\(question): ")
    return try signals.wait(for: terminal) ? nil : line()
  }

  private func line() throws -> Passphrase {
    // A line and its end, and one byte by which a longer one is known.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Passphrase.mostBytes + 2, alignment: 1)
    defer {
      explicit_bzero(buffer.baseAddress!, buffer.count)
      buffer.deallocate()
    }
    let count = read(terminal, buffer.baseAddress!, buffer.count)
    guard count >= 0 else { throw SystemError(errno, "read from the terminal") }
    guard let passphrase = Passphrase(buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }) else {
      throw CertificateError(description: KeyPassphrase.allowed)
    }
    return passphrase
  }

  private func write(_ text: String) throws {
    try Array(text.utf8).withUnsafeBytes { try Terminal.write($0, to: terminal) }
  }
}
