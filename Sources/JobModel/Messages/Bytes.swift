import JobAPI

/// Encodes values, little-endian: the form of messages between the two processes and of stored events.
package struct ByteWriter {
  package private(set) var bytes: [UInt8] = []

  package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

  package mutating func put<each Value: ByteValue>(_ values: repeat each Value) {
    repeat (each values).put(into: &self)
  }

  fileprivate mutating func append(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }
}

/// What a ``ByteWriter`` takes.
package protocol ByteValue {
  func put(into writer: inout ByteWriter)
}

extension FixedWidthInteger {
  package func put(into writer: inout ByteWriter) { withUnsafeBytes(of: littleEndian) { writer.append($0) } }
}

extension UInt8: ByteValue {}
extension UInt16: ByteValue {}
extension UInt32: ByteValue {}
extension UInt64: ByteValue {}
extension Int32: ByteValue {}
extension Int64: ByteValue {}

extension Bool: ByteValue {
  package func put(into writer: inout ByteWriter) { writer.put(UInt8(self ? 1 : 0)) }
}

extension JobID: ByteValue {
  package func put(into writer: inout ByteWriter) { writer.put(high, low) }
}

/// A length of four bytes and the bytes.
extension [UInt8]: ByteValue {
  package func put(into writer: inout ByteWriter) {
    writer.put(UInt32(count))
    withUnsafeBytes { writer.append($0) }
  }
}

extension String: ByteValue {
  package func put(into writer: inout ByteWriter) {
    var text = self
    writer.put(UInt32(utf8.count))
    text.withUTF8 { writer.append(UnsafeRawBufferPointer($0)) }
  }
}

/// A byte that says whether there is a value, and the value.
extension Optional: ByteValue where Wrapped: ByteValue {
  package func put(into writer: inout ByteWriter) {
    writer.put(self != nil)
    if let self { writer.put(self) }
  }
}

/// A message or stored value that is not what ``ByteWriter`` writes. The sender is broken or hostile.
package struct MalformedBytes: Error {
  package init() {}
}

/// Takes values out of bytes, each read checked against the end. Borrows the bytes: used within their lifetime.
package struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package var isAtEnd: Bool { at == bytes.count }

  private mutating func take(_ count: Int) throws(MalformedBytes) -> UnsafeRawBufferPointer {
    guard count <= bytes.count - at else { throw MalformedBytes() }
    defer { at += count }
    return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
  }

  package mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(MalformedBytes) -> T {
    T(littleEndian: try take(MemoryLayout<T>.size).loadUnaligned(as: T.self))
  }

  package mutating func bool() throws(MalformedBytes) -> Bool {
    switch try integer(UInt8.self) {
    case 0: false
    case 1: true
    default: throw MalformedBytes()
    }
  }

  /// The largest number stands for none.
  package mutating func optionalInteger() throws(MalformedBytes) -> UInt64? {
    let number: UInt64 = try integer()
    return number == .max ? nil : number
  }

  /// Milliseconds, no more than a client can ask for.
  package mutating func duration() throws(MalformedBytes) -> UInt64 {
    let milliseconds: UInt64 = try integer()
    guard milliseconds <= UInt64(DurationText.longest) else { throw MalformedBytes() }
    return milliseconds
  }

  /// The same, or the largest number for none.
  package mutating func optionalDuration() throws(MalformedBytes) -> UInt64? {
    let milliseconds = try optionalInteger()
    guard milliseconds ?? 0 <= UInt64(DurationText.longest) else { throw MalformedBytes() }
    return milliseconds
  }

  package mutating func id() throws(MalformedBytes) -> JobID {
    JobID(high: try integer(), low: try integer())
  }

  /// A view of counted bytes, valid as long as the message's.
  package mutating func view() throws(MalformedBytes) -> UnsafeRawBufferPointer {
    try take(Int(try integer(UInt32.self)))
  }

  package mutating func array() throws(MalformedBytes) -> [UInt8] { [UInt8](try view()) }

  package mutating func string() throws(MalformedBytes) -> String {
    guard let text = String(strictUTF8: try view()) else { throw MalformedBytes() }
    return text
  }

  package mutating func optionalString() throws(MalformedBytes) -> String? { try bool() ? try string() : nil }

  /// A count of things of at least `size` bytes each: never more than what is left could hold.
  package mutating func count(ofSize size: Int) throws(MalformedBytes) -> Int {
    let count = Int(try integer(UInt32.self))
    guard count <= (bytes.count - at) / size else { throw MalformedBytes() }
    return count
  }

  package func end() throws(MalformedBytes) {
    guard isAtEnd else { throw MalformedBytes() }
  }
}
