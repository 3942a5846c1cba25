/// A job's open standard input.
package protocol InputSink: AnyObject {
  /// Bytes taken (0: full, until it is told that there is room), or a negative errno.
  func writeInput(_ bytes: UnsafeRawBufferPointer) -> Int
  func closeInput()
}
