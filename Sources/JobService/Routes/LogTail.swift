import JobAPI
import JobModel

/// Looks for where the last lines of a log begin in both streams: backwards through its pieces, as many in a turn as may be.
/// Pieces that come meanwhile are after them. Worker's thread only.
struct LogTail {
  /// Where what was looked through begins in each stream.
  private(set) var at: [UInt64]
  private var tail: LineTail
  /// The piece that is looked through, and where it begins in its stream.
  private var index: UInt64
  private var stream = OutputStream.stdout
  private var first: UInt64

  /// `end`: bytes of each stream. `pieces`: how many there are.
  init(_ lines: Int, at end: [UInt64], _ pieces: UInt64) {
    (at, tail, index, first) = (end, LineTail(lines), pieces, end[0])
  }

  /// Goes on while `left`, bytes of output and index, lasts. True: they were found.
  mutating func goOn(
    _ left: inout Int, _ pieces: OutputIndexReader,
    _ read: (OutputStream, _ offset: UInt64, _ count: UInt64) throws -> [UInt8]
  ) throws -> Bool {
    while !tail.isWhole {
      guard left > 0 else { return false }
      let offset = at[Int(stream.index)]
      guard offset > first else {
        guard try enterPiece(before: index, pieces) else { break }
        left -= OutputIndex.pieceSize
        continue
      }
      let count = min(offset - first, LastLines.block)
      let start = tail.start(in: try read(stream, offset - count, count)) ?? 0
      at[Int(stream.index)] = offset - count + UInt64(start)
      left -= Int(count)
    }
    return true
  }

  /// False: there is none, and the log has no more lines.
  private mutating func enterPiece(before next: UInt64, _ pieces: OutputIndexReader) throws -> Bool {
    guard next > 0 else {
      at = [0, 0]
      return false
    }
    index = next - 1
    guard let piece = try pieces.piece(index) else { return true }
    stream = piece.stream
    let end = at[Int(stream.index)]
    first = end - min(UInt64(piece.length), end)
    return true
  }
}
