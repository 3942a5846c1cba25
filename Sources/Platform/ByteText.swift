/// A text that is the same as another byte for byte. `String`'s own `==` is by canonical equivalence (Unicode, UAX #15):
/// by that two clients whose certificates have different names could be one.
package struct ByteText: Hashable, Sendable, Codable {
  private let bytes: [UInt8]

  package init(_ text: String) { bytes = Array(text.utf8) }
}

extension String {
  /// Whether it is the same byte for byte.
  package func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
