import Glibc

/// What a key is encrypted with. Its memory is cleared when nobody has it any longer.
public final class Passphrase: Sendable, Equatable {
  // Written by init, and read only from then on.
  private nonisolated(unsafe) let text: UnsafeMutableBufferPointer<CChar>

  /// As much as OpenSSL asks for.
  public static let mostBytes = 1023

  /// Nil: there are no bytes, more than ``mostBytes``, or a NUL among them.
  public init?(_ bytes: some Collection<UInt8>) {
    guard !bytes.isEmpty, bytes.count <= Self.mostBytes, !bytes.contains(0) else { return nil }
    text = .allocate(capacity: bytes.count + 1)
    _ = text.initialize(from: bytes.lazy.map(CChar.init(bitPattern:)))
    text[bytes.count] = 0
  }

  deinit {
    explicit_bzero(text.baseAddress!, text.count)
    text.deallocate()
  }

  public static func == (one: Passphrase, other: Passphrase) -> Bool { one.text.elementsEqual(other.text) }

  /// The C string lives during the call. Nil: NULL.
  package static func withCString<Result>(
    _ passphrase: Passphrase?, _ body: (UnsafePointer<CChar>?) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(passphrase) { try body(passphrase.map { UnsafePointer($0.text.baseAddress!) }) }
  }
}
