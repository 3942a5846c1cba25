/// Lets a pointer cross to another thread: what it points at is locked by the C side, or used by one thread at a time.
struct UncheckedPointer: @unchecked Sendable {
  let value: UnsafeMutableRawPointer
  init(_ value: UnsafeMutableRawPointer) { self.value = value }
}
