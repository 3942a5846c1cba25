import JobAPI
import Testing

@testable import JobClient

@Suite struct FrameReaderTests {
  private static func bytes(_ frame: LogFrame, _ body: String = "") -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: LogFrame.headerSize)
    bytes.withUnsafeMutableBytes { frame.write(to: $0) }
    return bytes + Array(body.utf8)
  }

  private static let all =
    bytes(LogFrame(kind: .stdout, length: 0, offset: 7))
    + bytes(LogFrame(kind: .stdout, length: 3, offset: 7), "abc")
    + bytes(LogFrame(kind: .stderr, length: 1), "x") + bytes(LogFrame(kind: .end, length: 2), "{}")

  private func read(_ bytes: [UInt8], step: Int) throws -> [String] {
    var reader = FrameReader()
    var frames: [String] = []
    for start in stride(from: 0, to: bytes.count, by: step) {
      let piece = Array(bytes[start..<min(bytes.count, start + step)])
      try piece.withUnsafeBytes {
        try reader.add($0) { frames.append("\($0.kind) \($0.offset) \(String(decoding: $1, as: UTF8.self))") }
      }
    }
    return frames
  }

  @Test(arguments: 1...Self.all.count)
  func framesArePutTogetherFromAnyPieces(step: Int) throws {
    #expect(try read(Self.all, step: step) == ["stdout 7 ", "stdout 7 abc", "stderr 0 x", "end 0 {}"])
  }

  @Test func whatIsNoFrameIsRefused() {
    #expect(throws: ClientError.self) { try read(Array(repeating: 0xff, count: 24), step: 24) }
    let tooLong = Self.bytes(LogFrame(kind: .stdout, length: LogFrame.maximumLength + 1))
    #expect(throws: ClientError.self) { try read(tooLong, step: 24) }
  }

  @Test(arguments: 1...9)
  func linesArePutTogetherFromAnyPieces(step: Int) throws {
    let text = Array("ab\n\ncde\nf".utf8)
    var splitter = LineSplitter()
    var lines: [String] = []
    for start in stride(from: 0, to: text.count, by: step) {
      try Array(text[start..<min(text.count, start + step)]).withUnsafeBytes {
        try splitter.add($0) { lines.append(String(decoding: $0, as: UTF8.self)) }
      }
    }
    #expect(lines == ["ab", "", "cde"])
  }
}
