import Glibc

/// A system call that failed: its errno and what was to be done.
package struct SystemError: Error, Equatable, CustomStringConvertible {
  package let code: Int32
  package let action: String

  /// `code` as errno or as the negative errno of the C core.
  package init(_ code: Int32, _ action: String) {
    self.code = abs(code)
    self.action = action
  }

  /// Throws unless `status`, of the C core, is 0.
  package static func check(_ status: Int32, _ action: @autoclosure () -> String) throws(SystemError) {
    guard status == 0 else { throw SystemError(status, action()) }
  }

  /// The text of an errno, such as "No such file or directory". Any thread.
  package static func text(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer[0] = 0
      // The XSI form: the text is always in the buffer.
      guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: buffer.baseAddress!)
    }
  }

  /// Something is used up that others give back.
  package var isShortage: Bool { [EMFILE, ENFILE, ENOMEM, EAGAIN].contains(code) }

  package var description: String { "cannot \(action): \(Self.text(of: code))" }
}
