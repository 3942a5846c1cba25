import Glibc
import JobModel
import Platform

/// The file that holds the pieces of a job's log index past the few kept in memory: `<output name>.log`.
package enum LogFile {
  /// As many pieces as are stored with the job's record; more go to the file.
  package static let piecesInMemory = 256

  /// Appends the index's pieces to the job's file. On failure they stay in memory, and the next call tries again.
  package static func append(_ log: inout LogIndex, of record: JobRecord, in directory: StateDirectory) {
    let file = open(of: record, in: directory)
    guard file >= 0 else { return }
    defer { close(file) }
    // At the place the pieces have in the job's log: a piece written in part before is written over.
    let offset = off_t(log.inFile) * off_t(LogIndex.pieceSize)
    guard pwrite(file, log.pieces, log.pieces.count, offset) == log.pieces.count else { return }
    log.movedToFile()
  }

  /// Bytes of each stream that the pieces stand for, those in the file included.
  package static func lengths(_ log: LogIndex, of record: JobRecord, in directory: StateDirectory) -> [UInt64]
  {
    var pieces: [UInt8] = []
    let file = openat(directory.output, record.outputName + ".log", O_RDONLY | O_CLOEXEC)
    if file >= 0 {
      pieces = SmallFile.read(file, most: Int(log.inFile) * LogIndex.pieceSize)
      pieces = Array(pieces.prefix(Int(log.inFile) * LogIndex.pieceSize))
      close(file)
    }
    pieces += log.pieces
    var lengths: [UInt64] = [0, 0]
    for index in 0..<pieces.count / LogIndex.pieceSize {
      guard let piece = LogIndex.piece(index, of: pieces) else { continue }
      lengths[Int(piece.stream.index)] += UInt64(piece.length)
    }
    return lengths
  }

  /// The job's file, made when it is not there; negative on failure. The caller closes it.
  package static func open(of record: JobRecord, in directory: StateDirectory) -> Int32 {
    let name = record.outputName + ".log"
    let file = openat(directory.output, name, O_WRONLY | O_CREAT | O_CLOEXEC, StateDirectory.fileMode)
    if file >= 0 { _ = fchmod(file, StateDirectory.fileMode) }
    return file
  }
}
