/// A hash that is the same in every process and version (FNV-1a, 64 bits), for names that another process is to find, and to tell
/// versions of a content apart; it guards nothing.
package enum StableHash {
  package static func text(_ string: String) -> String { text(string.utf8) }

  package static func text(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
