import Glibc

/// What is typed on jobctl's terminal, as it comes. One thread's.
struct Keyboard {
  private var buffer = [UInt8](repeating: 0, count: 4096)

  /// Empty: nothing was typed within that time; -1: it is waited for. Nil: the terminal is gone.
  mutating func next(within milliseconds: Int32 = -1) -> ArraySlice<UInt8>? {
    while true {
      var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let came = poll(&ready, 1, milliseconds)
      if came == 0 { return [] }
      guard came > 0 else { continue }
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      return count > 0 ? buffer[..<count] : nil
    }
  }
}
