import JobAPI
import JobModel

/// A place in a job's combined log, and what comes after it. A turn passes by a part of the log only, since it may be long
/// and others wait meanwhile. Worker's thread only.
final class LogCursor {
  let pieces: OutputIndexReader
  private let directory: Int32
  private let id: JobID
  private let start: LogStart
  /// Bytes of each stream on file.
  var kept: [UInt64] = [0, 0]
  /// The job has ended: no piece grows any more.
  var isFinal = false
  /// When it ended.
  var end: Int64 = 0

  private var index: UInt64 = 0
  /// Where piece `index` begins in each stream, and how far each was sent.
  private var pieceStart: [UInt64] = [0, 0]
  private(set) var sent: [UInt64]
  private var files: [OutputFile?] = [nil, nil]
  private var tail: LogTail?
  /// Bytes of output and index that may still be passed by in this turn.
  private var left = 0

  /// `directory`: a descriptor of that of all output.
  init(_ id: JobID, _ start: LogStart, in directory: Int32) {
    (self.id, self.start, self.directory) = (id, start, directory)
    pieces = OutputIndexReader(id, in: directory)
    sent = start.offsets
  }

  func beginTurn() { left = LastLines.turn }
  /// What is asked for was not reached in this turn.
  var isTurnOver: Bool { left <= 0 }

  /// Goes to where the last lines begin, or what came since a time, if that was asked for. False: the turn is over.
  func seek() throws -> Bool {
    guard try seekLines() else { return false }
    while let piece = try pieces.piece(index) {
      let stream = Int(piece.stream.index)
      let end = pieceStart[stream] + UInt64(piece.length)
      if let since = start.since, piece.time < since { sent[stream] = max(sent[stream], end) }
      guard sent[stream] >= end, pass(to: end, of: stream) else { break }
    }
    return !isTurnOver
  }

  private func seekLines() throws -> Bool {
    guard let lines = start.lastLines else { return true }
    if tail == nil { tail = LogTail(lines, at: kept, pieces.count) }
    guard try tail!.goOn(&left, pieces, read) else { return false }
    for stream in 0...1 { sent[stream] = max(sent[stream], tail!.at[stream]) }
    return true
  }

  /// Goes on to the next piece, unless this one can still become longer, as the last one of a running job, or the turn is
  /// over.
  private func pass(to end: UInt64, of stream: Int) -> Bool {
    guard !isTurnOver, isFinal || index + 1 < pieces.count else { return false }
    left -= OutputIndex.pieceSize
    pieceStart[stream] = end
    index += 1
    return true
  }

  /// The next part; nil when there is none yet, or none any more, or the turn is over.
  func next() throws -> LogPart? {
    while let piece = try pieces.piece(index) {
      let stream = Int(piece.stream.index)
      let pieceEnd = pieceStart[stream] + UInt64(piece.length)
      if sent[stream] < pieceEnd {
        return try part(piece.time, piece.stream, upTo: pieceEnd)
      }
      guard pass(to: pieceEnd, of: stream) else { return nil }
    }
    return isFinal ? try rest() : nil
  }

  /// Output whose order was not kept, as that of a job whose supervisor was lost: after all the rest.
  private func rest() throws -> LogPart? {
    for stream in OutputStream.allCases where sent[Int(stream.index)] < kept[Int(stream.index)] {
      if let since = start.since, end < since { return nil }
      return try part(end, stream, upTo: kept[Int(stream.index)])
    }
    return nil
  }

  private func part(_ time: Int64, _ stream: OutputStream, upTo limit: UInt64) throws -> LogPart {
    let offset = sent[Int(stream.index)]
    var bytes = try read(stream, offset, min(limit - offset, LastLines.block))
    if UInt64(bytes.count) < limit - offset { bytes.removeLast(UTF8Tail.incomplete(bytes)) }
    sent[Int(stream.index)] += UInt64(bytes.count)
    return LogPart(time: time, stream: stream, offset: offset, bytes: bytes)
  }

  private func read(_ stream: OutputStream, _ offset: UInt64, _ count: UInt64) throws -> [UInt8] {
    let index = Int(stream.index)
    if files[index] == nil { files[index] = try OutputFile(directory, id, stream.suffix) }
    let bytes = try files[index]?.read(Int(count), at: offset) ?? []
    guard !bytes.isEmpty || count == 0 else { throw MissingOutput(stream: stream, count: count) }
    return bytes
  }
}

/// The end of a block of text.
enum UTF8Tail {
  /// How many bytes at the end begin a sequence that the block does not finish; fewer than all of them.
  static func incomplete(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back < bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xc0 == 0x80 { continue }
      let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }
}
