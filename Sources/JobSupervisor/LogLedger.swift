import CJobEngine
import Glibc
import JobModel
import JobStore

/// The pieces of a deposited job's log that are not in its file, in the page of the job's ledger that is theirs: the
/// number of those in the file, and then the pieces, up to one of no length. Each write is within the page, and so
/// whole or not made at all, also when the process is killed in it.
enum LogLedger {
  private static let start = off_t(JC_LEDGER_LOG)
  private static let head = 8
  private static var room: Int { head + LogFile.piecesInMemory * LogIndex.pieceSize }

  /// Writes all of the index.
  static func write(_ log: LogIndex, to ledger: Int32) {
    var page = [UInt8](repeating: 0, count: room)
    withUnsafeBytes(of: log.inFile.littleEndian) { page.replaceSubrange(0..<head, with: $0) }
    let pieces = log.pieces.prefix(room - head)
    page.replaceSubrange(head..<head + pieces.count, with: pieces)
    // It fails only without memory: a successor then does without the order of this output.
    _ = pwrite(ledger, page, page.count, start)
  }

  /// Writes the pieces from `first` on.
  static func write(_ log: LogIndex, from first: Int, to ledger: Int32) {
    let offset = max(0, first) * LogIndex.pieceSize
    let bytes = log.pieces.dropFirst(offset)
    guard offset + bytes.count <= room - head else { return }
    bytes.withUnsafeBytes { _ = pwrite(ledger, $0.baseAddress, $0.count, start + off_t(head + offset)) }
  }

  /// As the predecessor left it.
  static func read(_ ledger: Int32) -> LogIndex {
    var page = [UInt8](repeating: 0, count: room)
    guard pread(ledger, &page, page.count, start) == page.count else { return LogIndex() }
    let inFile = page.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    let pieces = Array(page[head...])
    var count = 0
    while let piece = LogIndex.piece(count, of: pieces), piece.length > 0 { count += 1 }
    return LogIndex(inFile: inFile, pieces: Array(pieces.prefix(count * LogIndex.pieceSize)))
  }
}
