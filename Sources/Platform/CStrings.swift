extension String {
  /// Nil: the bytes are not UTF-8. Those that come from clients are ASCII as a rule, for which the standard library has a
  /// much shorter way.
  package init?(strictUTF8 bytes: UnsafeRawBufferPointer) {
    if bytes.allSatisfy({ $0 < 0x80 }) {
      self.init(decoding: bytes, as: UTF8.self)
    } else {
      self.init(validating: bytes, as: UTF8.self)
    }
  }
}

/// Calls `body` with a NULL-terminated vector of C strings that lives during the call: one buffer for all bytes.
package func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let size = strings.reduce(strings.count + 1) { $0 + $1.utf8.count }
  return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { bytes in
    withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: strings.count + 1) { pointers in
      var next = bytes.baseAddress!
      for (index, var string) in strings.enumerated() {
        pointers.initializeElement(at: index, to: UnsafePointer(next.assumingMemoryBound(to: CChar.self)))
        string.withUTF8 { utf8 in
          if let start = utf8.baseAddress { next.copyMemory(from: start, byteCount: utf8.count) }
          next += utf8.count
        }
        next.storeBytes(of: 0, as: CChar.self)
        next += 1
      }
      pointers.initializeElement(at: strings.count, to: nil)
      return body(pointers.baseAddress!)
    }
  }
}

/// Like `withCString`, with nil as NULL.
package func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result
{
  guard let text else { return body(nil) }
  return text.withCString(body)
}
