/// Why the daemon cannot start or go on, in words for the operator.
package struct DaemonError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }

  /// From a NUL-terminated text of the C core.
  package init(cText text: [CChar]) {
    self.init(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
  }
}
