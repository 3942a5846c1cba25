import FoundationEssentials
import JobClient

/// A log as lines of JSON: one ``LogChunk`` a piece.
final class ChunkWriter: LogFollower.Taker {
  func take(_ piece: LogPiece) throws {
    let text = String(validating: piece.bytes, as: UTF8.self)
    try Terminal.print(
      json: LogChunk(
        time: TimeText.text(piece.time), stream: piece.stream, offset: Int64(piece.offset), text: text,
        base64: text == nil ? Data(piece.bytes).base64EncodedString() : nil))
  }

  func flush() {}
}
