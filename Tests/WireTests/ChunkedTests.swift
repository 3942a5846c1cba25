import CJobWire
import Glibc
import Testing

/// The chunked transfer coding.
struct ChunkedTests {
  private struct Decoded: Equatable {
    var result: Int32 = 0
    var body = ""
    var used = 0
  }

  /// Decodes in pieces of `step` bytes.
  private func decode(_ text: String, step: Int = .max) -> Decoded {
    var state = jw_chunked()
    var decoded = Decoded()
    let bytes = text.utf8.map { CChar(bitPattern: $0) }
    while decoded.result == 0 && decoded.used < bytes.count {
      var piece = Array(bytes[decoded.used...].prefix(step))
      var (used, made) = (0, 0)
      decoded.result = jw_chunked_decode(&state, &piece, piece.count, &used, &made)
      guard decoded.result >= 0 else { return Decoded(result: decoded.result) }
      decoded.used += used
      decoded.body += String(decoding: piece[..<made].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    return decoded
  }

  @Test(arguments: [
    ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("1\r\na\r\n1\r\nb\r\n000\r\n\r\n", "ab"),
    ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"), ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("5;name=value\r\nhello\r\n0;x\r\n\r\n", "hello"), ("5 \t;x=\"y\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"), ("1\r\na\r\n0\r\nTrailer: x\r\nY:z\r\n\r\n", "a"),
  ])
  func bodies(text: String, body: String) {
    for step in [Int.max, 1, 2, 3, 7] {
      #expect(decode(text + "GET ", step: step) == Decoded(result: 1, body: body, used: text.utf8.count))
    }
    for length in 1..<text.utf8.count {
      #expect(decode(String(text.unicodeScalars.prefix(length))).result == 0)
    }
  }

  @Test(arguments: [
    "\r\n", "x\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "0x1\r\n", "1,\r\n", "1\n", "1\ra", "1 \r\n", "1 x\r\n",
    "1;a\n", "1;\u{1}\r\n",
    "1;\u{7f}\r\n", "1000000000000000\r\n", "0000000000000000\r\n",
    "1;" + String(repeating: "a", count: 300) + "\r\n",
    "1\r\nab", "1\r\na\n", "1\r\na\rb", "0\r\n\n", "0\r\n:x\r\n\r\n", "0\r\n X: y\r\n\r\n",
    "0\r\nX : y\r\n\r\n", "0\r\nX\r\n\r\n",
    "0\r\nX: y\n\r\n", "0\r\nX: y\rz\r\n\r\n", "0\r\nX: \u{0}\r\n\r\n", "0\r\n\rx",
    "0\r\n" + String(repeating: "X: " + String(repeating: "y", count: 1000) + "\r\n", count: 9) + "\r\n",
  ])
  func refused(text: String) {
    for step in [Int.max, 1, 3] { #expect(decode(text, step: step) == Decoded(result: -EBADMSG)) }
  }

  /// The sum of many sizes may be large; one that does not fit in 60 bits is refused.
  @Test func largestSize() {
    var state = jw_chunked()
    var bytes = "fffffffffffffff\r\nab".utf8.map { CChar($0) }
    var (used, made) = (0, 0)
    #expect(jw_chunked_decode(&state, &bytes, bytes.count, &used, &made) == 0)
    #expect(made == 2 && used == bytes.count && state.left == (1 << 60) - 3)
  }
}
