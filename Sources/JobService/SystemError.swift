import Glibc

/// A system call that failed: its errno and what was to be done.
struct SystemError: Error, Equatable, CustomStringConvertible {
  let code: Int32
  let action: String

  /// `code` as errno or as the negative errno of the C core.
  init(_ code: Int32, _ action: String) {
    self.code = abs(code)
    self.action = action
  }

  /// The text of an errno, such as "No such file or directory". Any thread.
  static func text(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer[0] = 0
      // The XSI form: the text is always in the buffer.
      guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: buffer.baseAddress!)
    }
  }

  /// Something is used up that others give back.
  var isShortage: Bool { [EMFILE, ENFILE, ENOMEM, EAGAIN].contains(code) }

  var description: String { "cannot \(action): \(Self.text(of: code))" }
}
