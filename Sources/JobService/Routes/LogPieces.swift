import Glibc
import JobAPI
import JobModel

/// The pieces of a job's combined log, wherever they are: in the log's file, with the record, or told by the
/// supervisor. Worker's thread only.
final class LogPieces {
  private let api: ApiContext
  private let id: JobID
  private var file: OutputFile?
  /// Pieces in the file that may be read.
  private var inFile: UInt64 = 0
  /// Pieces after those.
  private var held: [UInt8] = []
  private var firstHeld: UInt64 = 0
  /// A block of the file's pieces.
  private var block: [UInt8] = []
  private var firstInBlock: UInt64 = 0
  private static let blockPieces = 4096

  init(_ api: ApiContext, _ id: JobID) {
    self.api = api
    self.id = id
  }

  /// A running job's, as far as it was told.
  func take(_ progress: OutputProgress) {
    (inFile, held, firstHeld) = (progress.piecesInFile, progress.pieces, progress.firstPiece)
  }

  /// A finished job's.
  func take(_ record: JobRecord, stored: [UInt8]) throws {
    (held, firstHeld) = (stored, 0)
    guard record.flags.contains(.logInFile) else { return }
    try openFile()
    inFile = (file?.size ?? 0) / UInt64(LogIndex.pieceSize)
    firstHeld = inFile
  }

  var count: UInt64 { firstHeld + UInt64(held.count / LogIndex.pieceSize) }

  /// Nil past the last.
  func piece(_ index: UInt64) throws -> LogIndex.Piece? {
    if index >= firstHeld { return LogIndex.piece(Int(index - firstHeld), of: held) }
    guard index < inFile else { return nil }
    if !holdsInBlock(index) { try readBlock(index) }
    return LogIndex.piece(Int(index - firstInBlock), of: block)
  }

  private func holdsInBlock(_ index: UInt64) -> Bool {
    index >= firstInBlock && index < firstInBlock + UInt64(block.count / LogIndex.pieceSize)
  }

  private func readBlock(_ index: UInt64) throws {
    try openFile()
    firstInBlock = index - index % UInt64(Self.blockPieces)
    let count = min(UInt64(Self.blockPieces), inFile - firstInBlock)
    block =
      try file?.read(Int(count) * LogIndex.pieceSize, at: firstInBlock * UInt64(LogIndex.pieceSize)) ?? []
  }

  private func openFile() throws {
    if file == nil { file = try OutputFile(api, id, ".log") }
  }
}
