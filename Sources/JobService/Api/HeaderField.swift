import CJobHTTP
import CJobWire

/// A header field of a reply.
struct HeaderField {
  let name: StaticString
  let value: String

  init(_ name: StaticString, _ value: String) { (self.name, self.value) = (name, value) }

  static let retryLater = HeaderField("Retry-After", "1")

  /// Calls `body` with a reply's head that lives during the call; `type` empty: no Content-Type.
  static func withHead(
    _ status: Int32, _ type: StaticString, _ fields: [HeaderField],
    _ body: (UnsafePointer<jc_reply_head>) -> Void
  ) {
    var head = jc_reply_head(status: status, type: jw_slice(type), fields: nil, count: fields.count)
    // The most frequent replies have none, and cost no memory.
    guard !fields.isEmpty else { return body(&head) }
    fields.flatMap { $0.value.utf8 }.withUnsafeBytes { values in
      var rest = values[...]
      let slices = fields.map { field in
        let value = rest.prefix(field.value.utf8.count)
        rest = rest.dropFirst(value.count)
        return jw_field(name: jw_slice(field.name), value: jw_slice(UnsafeRawBufferPointer(rebasing: value)))
      }
      slices.withUnsafeBufferPointer {
        head.fields = $0.baseAddress
        body(&head)
      }
    }
  }
}

extension jw_slice {
  var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: length) }

  fileprivate init(_ buffer: UnsafeRawBufferPointer) {
    self.init(bytes: buffer.baseAddress?.assumingMemoryBound(to: CChar.self), length: buffer.count)
  }

  fileprivate init(_ text: StaticString) {
    self.init(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
