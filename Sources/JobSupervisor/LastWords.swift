import Glibc
import Platform

/// The last lines that a program wrote, for a message.
enum LastWords {
  private static let most = 512
  private static let lines = 3

  static func text(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.suffix(most), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).suffix(lines).map(String.init).joined(separator: "; ")
  }

  /// Of an open file.
  static func text(of file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: most)
    let count = pread(file, &bytes, most, max(0, lseek(file, 0, SEEK_END) - off_t(most)))
    return text(Array(bytes.prefix(max(0, count))))
  }
}
