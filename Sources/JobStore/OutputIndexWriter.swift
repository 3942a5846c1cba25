import Glibc
import JobAPI
import JobModel
import Platform

/// Keeps the index of a job's output. Most jobs end with so few pieces that these are stored with their record. More of
/// them, and those that the api process or a successor is to see meanwhile, are in the job's index file,
/// `<output name>.log`. One thread.
package final class OutputIndexWriter {
  package private(set) var index: OutputIndex
  /// Pieces that are in the file as they are here.
  package private(set) var written: UInt64 = 0
  private let id: JobID
  private let directory: Int32
  private var isPublished = false
  /// The job has no files yet.
  package var isHeld = false
  /// -1: not opened yet.
  private var file: Int32 = -1

  /// `directory`: a descriptor of that of all output, which outlives this.
  package init(_ id: JobID, in directory: Int32) {
    index = OutputIndex()
    (self.id, self.directory) = (id, directory)
  }

  /// Goes on where a predecessor was killed, with the output that is on file. What of it is not in the index came last,
  /// at `now`.
  package convenience init(goingOn id: JobID, in directory: Int32, kept: [UInt64], now: Int64) {
    self.init(id, in: directory)
    let pieces = read()
    index = OutputIndex(pieces)
    written = index.total
    isPublished = true
    for (stream, known) in zip(OutputStream.allCases, OutputIndex.lengths(of: pieces)) {
      let kept = kept[Int(stream.index)]
      if kept > known { append(stream, length: kept - known, time: now) }
    }
  }

  deinit {
    if file >= 0 { close(file) }
  }

  package func append(_ stream: OutputStream, length: UInt64, time: Int64) {
    written = min(written, index.append(stream, length: length, time: time))
    if isPublished || isFull, !isHeld { write() }
  }

  /// What is held is more than is stored with a record.
  package var isFull: Bool { index.count >= OutputIndex.mostHeld }

  /// From now on all of it can be read from the file, and what comes later as it comes. False: the file does not take it
  /// now, and what is missing is written with what comes later.
  @discardableResult
  package func publish() -> Bool {
    isPublished = true
    if written < index.total { write() }
    return written == index.total
  }

  /// No piece follows: those that are to be stored with the record, since they are not in the file to be kept.
  package func finish() -> [UInt8] {
    guard isInFile else { return index.pieces }
    if written < index.total || file < 0 { write() }
    return Array(index.pieces.dropFirst(Int(written - index.first) * OutputIndex.pieceSize))
  }

  /// The file is to be kept: it holds more pieces than are stored with a record.
  package var isInFile: Bool { index.first > 0 }

  /// Less of each stream was kept than was noted.
  package func cut(to kept: [UInt64]) { index.cut(to: kept) }

  /// To be brought to disk before the record is; -1: none.
  package var descriptor: Int32 { isInFile ? file : -1 }

  /// All pieces are stored with the record: a file is of no more use.
  package func removeCopy() {
    if written > 0, !isInFile { unlinkat(directory, name, 0) }
  }

  private var name: String { JobRecord.outputName(of: id) + ".log" }

  /// On failure the pieces stay in memory, and the next call tries again. At the place they have in the job's index: a
  /// piece that was written in part before is written over.
  private func write() {
    guard open() else { return }
    let offset = written - index.first
    let bytes = index.pieces.dropFirst(Int(offset) * OutputIndex.pieceSize)
    let count = bytes.withUnsafeBytes {
      pwrite(file, $0.baseAddress, $0.count, off_t(written) * off_t(OutputIndex.pieceSize))
    }
    guard count == bytes.count else { return }
    written = index.total
    if isFull { index.dropHeld() }
  }

  private func open() -> Bool {
    guard file < 0 else { return true }
    file = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC, StateDirectory.fileMode)
    if file >= 0 { _ = fchmod(file, StateDirectory.fileMode) }
    return file >= 0
  }

  /// Whole pieces; the last may have been cut by a kill.
  private func read() -> [UInt8] {
    let file = openat(directory, name, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    let bytes = SmallFile.read(file, most: .max)
    return Array(bytes.prefix(bytes.count - bytes.count % OutputIndex.pieceSize))
  }
}
