import JobAPI

/// The order in which pieces of a job's two streams arrived, each with its time: what the combined log is made of.
///
/// A piece is 12 bytes: the time in microseconds since 1970 shifted left by one, with the stream in the lowest bit,
/// and the piece's length.
package struct OutputIndex {
  package static let pieceSize = 12
  /// As many pieces as are held, and stored with the job's record; of more, all are in a file.
  package static let mostHeld = 256
  /// Pieces of one stream closer together than this (microseconds) are one.
  private static let resolution: Int64 = 1000

  /// Encoded pieces that are held.
  package private(set) var pieces: [UInt8] = []
  /// How many pieces came before those.
  package private(set) var first: UInt64 = 0
  private var lastTime: Int64 = 0
  private var lastStream: OutputStream?

  package init() {}

  /// As a predecessor wrote it, whole; the next piece is one of its own.
  package init(_ pieces: [UInt8]) {
    self.pieces = pieces
    if count >= Self.mostHeld { dropHeld() }
  }

  package struct Piece: Equatable {
    package var time: Int64
    package var stream: OutputStream
    package var length: UInt32
  }

  package var count: Int { pieces.count / Self.pieceSize }
  package var total: UInt64 { first + UInt64(count) }

  /// The number of the first piece that was changed or added.
  package mutating func append(_ stream: OutputStream, length: UInt64, time: Int64) -> UInt64 {
    if extendLast(stream, by: length, time: time) { return total - 1 }
    let changed = total
    var left = length
    while left > 0 {
      let part = UInt32(clamping: left)
      Self.encode(Piece(time: time, stream: stream, length: part), into: &pieces)
      left -= UInt64(part)
    }
    (lastTime, lastStream) = (time, stream)
    return changed
  }

  private mutating func extendLast(_ stream: OutputStream, by length: UInt64, time: Int64) -> Bool {
    // A clock that was set back begins another.
    guard stream == lastStream, (0..<Self.resolution).contains(time - lastTime), !pieces.isEmpty,
      var last = Self.piece(count - 1, of: pieces), UInt64(last.length) + length <= UInt64(UInt32.max)
    else { return false }
    last.length += UInt32(length)
    pieces.removeLast(Self.pieceSize)
    Self.encode(last, into: &pieces)
    return true
  }

  /// The pieces held are in the file.
  package mutating func dropHeld() {
    first = total
    pieces.removeAll()
    lastStream = nil
  }

  /// Forgets what is past so many bytes of each stream. All pieces are held.
  package mutating func cut(to kept: [UInt64]) {
    var left = kept
    let all = pieces
    pieces = []
    for number in 0..<all.count / Self.pieceSize {
      guard var piece = Self.piece(number, of: all) else { continue }
      piece.length = UInt32(min(UInt64(piece.length), left[Int(piece.stream.index)]))
      left[Int(piece.stream.index)] -= UInt64(piece.length)
      if piece.length > 0 { Self.encode(piece, into: &pieces) }
    }
    lastStream = nil
  }

  private static func encode(_ piece: Piece, into bytes: inout [UInt8]) {
    let first = UInt64(bitPattern: piece.time) << 1 | UInt64(piece.stream.index)
    withUnsafeBytes(of: first.littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: piece.length.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Piece `index` of encoded pieces, or nil past their end.
  package static func piece(_ index: Int, of bytes: [UInt8]) -> Piece? {
    guard (index + 1) * pieceSize <= bytes.count else { return nil }
    return bytes.withUnsafeBytes { raw in
      let first = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index * pieceSize, as: UInt64.self))
      let length = UInt32(
        littleEndian: raw.loadUnaligned(fromByteOffset: index * pieceSize + 8, as: UInt32.self))
      return Piece(time: Int64(first >> 1), stream: first & 1 == 0 ? .stdout : .stderr, length: length)
    }
  }

  /// Bytes of each stream that encoded pieces stand for.
  package static func lengths(of bytes: [UInt8]) -> [UInt64] {
    var lengths: [UInt64] = [0, 0]
    for index in 0..<bytes.count / pieceSize {
      if let piece = piece(index, of: bytes) { lengths[Int(piece.stream.index)] += UInt64(piece.length) }
    }
    return lengths
  }
}
