import Glibc

/// Files that are read whole.
package enum SmallFile {
  /// The bytes from the descriptor's position on, at most `most`.
  package static func read(_ file: Int32, most: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count < most {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      bytes.append(contentsOf: buffer[0..<count])
    }
    return bytes
  }
}
