import FoundationEssentials
import Glibc

/// Nobody reads what is printed any longer.
struct OutputClosed: Error {}

/// Writing to the standard streams: whole, and with an error when the reader is gone.
enum Terminal {
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else {
        if errno == EPIPE { throw OutputClosed() }
        throw WriteError(code: errno)
      }
      done += count
    }
  }

  static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) throws {
    try bytes.withUnsafeBytes { try write($0, to: descriptor) }
  }

  static func print(_ text: String) throws {
    try write(Array(text.utf8)[...], to: STDOUT_FILENO)
  }

  /// One line of JSON.
  static func print(json body: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    try write(([UInt8](try encoder.encode(body)) + [0x0a])[...], to: STDOUT_FILENO)
  }

  /// A line on stderr; there is nobody to tell when that fails.
  static func complain(_ line: String) { try? write(Array((line + "\n").utf8)[...], to: STDERR_FILENO) }
}

struct WriteError: Error, CustomStringConvertible {
  let code: Int32
  var description: String { "cannot write output: \(String(cString: strerror(code)))" }
}
