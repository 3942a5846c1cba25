import Glibc
import JobAPI
import Platform

/// Nobody reads what is printed any longer.
struct OutputClosed: Error {}

/// What is printed cannot be written, as on a full disk.
struct OutputFailed: Error, CustomStringConvertible {
  let error: SystemError
  var description: String { error.description }
}

/// Writing to the standard streams: whole, and with an error when the reader is gone.
enum Terminal {
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count >= 0 {
        done += count
      } else if errno == EAGAIN {
        // Somebody who shares it made it non-blocking.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      } else if errno == EPIPE {
        throw OutputClosed()
      } else if errno != EINTR {
        throw OutputFailed(error: SystemError(errno, "write output"))
      }
    }
  }

  static func print(_ text: String) throws { try write(text, to: STDOUT_FILENO) }

  private static func write(_ text: String, to descriptor: Int32) throws {
    try Array(text.utf8).withUnsafeBytes { try write($0, to: descriptor) }
  }

  /// One line of JSON.
  static func print(json body: some Encodable) throws {
    try (JSONBody.encode(body) + [0x0a]).withUnsafeBytes { try write($0, to: STDOUT_FILENO) }
  }

  /// A line on stderr; there is nobody to tell when that fails.
  static func complain(_ line: String) { try? write(line + "\n", to: STDERR_FILENO) }

  /// In place of the line on stderr that was sketched before.
  static func sketch(_ text: String) { try? write("\r\u{1b}[K" + text, to: STDERR_FILENO) }
}
