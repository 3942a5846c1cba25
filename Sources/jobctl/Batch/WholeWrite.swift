import Glibc
import Platform

/// Writes all bytes, however many calls it takes.
enum WholeWrite {
  /// `path`: what `file` is, for the error.
  static func write(_ bytes: UnsafeRawBufferPointer, _ file: Int32, _ path: String) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress!, rest.count)
      guard count >= 0 || errno == EINTR else { throw SystemError(errno, "write \(path)") }
      rest = rest.dropFirst(max(0, count))
    }
  }
}
