import Glibc

/// Files that are read whole.
package enum SmallFile {
  /// The bytes from the descriptor's position on, at most `most`, up to what cannot be read.
  package static func read(_ file: Int32, most: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    _ = read(file, most, &bytes)
    return bytes
  }

  /// All that is there from the descriptor's position on. Nil: it cannot be read, or is more than `most`.
  package static func whole(_ file: Int32, most: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    return read(file, most + 1, &bytes) == 0 && bytes.count <= most ? bytes : nil
  }

  package static func read(_ path: String, most: Int) throws(SystemError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw SystemError(errno, "open \(path)") }
    defer { close(file) }
    var bytes: [UInt8] = []
    try SystemError.check(read(file, most, &bytes), "read \(path)")
    return bytes
  }

  /// 0 or an errno.
  private static func read(_ file: Int32, _ most: Int, _ bytes: inout [UInt8]) -> Int32 {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count < most {
      let count = Glibc.read(file, &buffer, min(buffer.count, most - bytes.count))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count < 0 ? errno : 0 }
      bytes.append(contentsOf: buffer[0..<count])
    }
    return 0
  }
}
