import JobAPI
import JobModel

/// Reads the index of a job's output, wherever it is: in the index file, or with the record. Worker's thread only.
final class OutputIndexReader {
  private let directory: Int32
  private let id: JobID
  private var file: OutputFile?
  /// Pieces in the file that may be read, and those after them, which are stored with the record.
  private var inFile: UInt64 = 0
  private var stored: [UInt8] = []
  /// A block of the file's pieces.
  private var block: [UInt8] = []
  private var firstInBlock: UInt64 = 0
  private static let blockPieces: UInt64 = 4096

  /// `directory`: a descriptor of that of all output.
  init(_ id: JobID, in directory: Int32) { (self.id, self.directory) = (id, directory) }

  /// A running job's, as far as it is in the file. What was the last piece may have grown. False: the file is gone, since
  /// the job has just ended, which will be told.
  func take(_ progress: OutputProgress) throws -> Bool {
    (inFile, block) = (progress.pieces, [])
    if inFile > 0 { try openFile() }
    return inFile == 0 || file != nil
  }

  /// A finished job's.
  func take(_ record: JobRecord, stored: [UInt8]) throws {
    (inFile, block, self.stored) = (0, [], stored)
    guard record.flags.contains(.logInFile) else { return }
    try openFile()
    inFile = (file?.size ?? 0) / UInt64(OutputIndex.pieceSize)
  }

  var count: UInt64 { inFile + UInt64(stored.count / OutputIndex.pieceSize) }

  /// Nil past the last.
  func piece(_ index: UInt64) throws -> OutputIndex.Piece? {
    guard index < inFile else { return OutputIndex.piece(Int(index - inFile), of: stored) }
    if !holds(index) { try readBlock(index) }
    return OutputIndex.piece(Int(index - firstInBlock), of: block)
  }

  private func holds(_ index: UInt64) -> Bool {
    index >= firstInBlock && index < firstInBlock + UInt64(block.count / OutputIndex.pieceSize)
  }

  /// The block begins with the piece, or ends with it when the pieces are read backwards.
  private func readBlock(_ index: UInt64) throws {
    try openFile()
    let isBackwards = !block.isEmpty && index < firstInBlock
    firstInBlock = isBackwards ? index + 1 - min(index + 1, Self.blockPieces) : index
    let pieces = min(Self.blockPieces, inFile - firstInBlock)
    let size = UInt64(OutputIndex.pieceSize)
    block = try file?.read(Int(pieces * size), at: firstInBlock * size) ?? []
  }

  private func openFile() throws {
    if file == nil { file = try OutputFile(directory, id, ".log") }
  }
}
