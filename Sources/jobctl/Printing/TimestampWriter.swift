import JobClient

/// As ``OutputWriter``, with the time before each line at which its beginning came.
final class TimestampWriter: LogFollower.Taker {
  private let output = OutputWriter()
  private var isInLine: [OutputStream: Bool] = [:]

  func take(_ piece: LogPiece) throws {
    var rest = piece.bytes[...]
    while !rest.isEmpty {
      if isInLine[piece.stream] != true {
        var time = TimeText.text(piece.time) + " "
        try time.withUTF8 { try output.write(UnsafeRawBufferPointer($0), to: piece.stream) }
      }
      let end = rest.firstIndex(of: 0x0a).map { $0 + 1 } ?? rest.endIndex
      try output.write(UnsafeRawBufferPointer(rebasing: rest[..<end]), to: piece.stream)
      isInLine[piece.stream] = rest[end - 1] != 0x0a
      rest = rest[end...]
    }
  }

  func flush() throws { try output.flush() }
}
