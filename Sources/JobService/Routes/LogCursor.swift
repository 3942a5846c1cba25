import JobAPI
import JobModel

/// A place in a job's combined log, and what comes after it. Worker's thread only.
final class LogCursor {
  let pieces: OutputIndexReader
  private let api: ApiContext
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
  private static let block: UInt64 = 65536

  init(_ api: ApiContext, _ id: JobID, _ start: LogStart) {
    (self.api, self.id, self.start) = (api, id, start)
    pieces = OutputIndexReader(id, in: api.output)
    sent = start.offsets
  }

  /// Goes to where the last lines begin, or what came since a time, if that was asked for.
  func seek() throws {
    if let lines = start.lastLines {
      let tail = try offsets(ofLast: lines)
      for stream in 0...1 { sent[stream] = max(sent[stream], tail[stream]) }
    }
    guard let since = start.since else { return }
    var ends: [UInt64] = [0, 0]
    for index in 0..<pieces.count {
      guard let piece = try pieces.piece(index), piece.time < since else { return }
      let stream = Int(piece.stream.index)
      ends[stream] += UInt64(piece.length)
      sent[stream] = max(sent[stream], ends[stream])
    }
  }

  /// Where in both streams the last lines begin, going backwards through the pieces.
  private func offsets(ofLast lines: Int) throws -> [UInt64] {
    var at = kept
    guard lines > 0 else { return at }
    var tail = LineTail(lines)
    for index in (0..<pieces.count).reversed() {
      guard let piece = try pieces.piece(index) else { continue }
      let stream = Int(piece.stream.index)
      let first = at[stream] - min(UInt64(piece.length), at[stream])
      while at[stream] > first {
        let count = min(at[stream] - first, Self.block)
        at[stream] -= count
        if let start = tail.start(in: try read(piece.stream, at[stream], count)) {
          at[stream] += UInt64(start)
          return at
        }
      }
    }
    return [0, 0]
  }

  /// The next part; nil when there is none yet, or none any more.
  func next() throws -> LogPart? {
    while let piece = try pieces.piece(index) {
      let stream = Int(piece.stream.index)
      let pieceEnd = pieceStart[stream] + UInt64(piece.length)
      if sent[stream] < pieceEnd {
        return try part(piece.time, piece.stream, upTo: pieceEnd)
      }
      // The last piece of a running job can still become longer.
      guard isFinal || index + 1 < pieces.count else { return nil }
      pieceStart[stream] = pieceEnd
      index += 1
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
    var bytes = try read(stream, offset, min(limit - offset, Self.block))
    if UInt64(bytes.count) < limit - offset { bytes.removeLast(UTF8Tail.incomplete(bytes)) }
    sent[Int(stream.index)] += UInt64(bytes.count)
    return LogPart(time: time, stream: stream, offset: offset, bytes: bytes)
  }

  private func read(_ stream: OutputStream, _ offset: UInt64, _ count: UInt64) throws -> [UInt8] {
    let index = Int(stream.index)
    if files[index] == nil { files[index] = try OutputFile(api.output, id, stream.suffix) }
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
