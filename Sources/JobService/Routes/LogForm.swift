import FoundationEssentials
import JobAPI
import JobModel

/// The two forms of a log: lines of JSON for people and scripts, frames for programs that want the bytes.
enum LogForm {
  case lines, frames

  init(accept: String?) {
    self = accept?.contains(MediaType.frames) == true ? .frames : .lines
  }

  var type: StaticString { self == .lines ? "application/x-ndjson" : "application/vnd.jobd.frames" }

  func encode(_ part: LogPart) -> [UInt8] {
    switch self {
    case .lines:
      var chunk = LogChunk(time: TimeText.text(part.time), stream: part.stream, offset: Int64(part.offset))
      chunk.text = String(validating: part.bytes, as: UTF8.self)
      if chunk.text == nil { chunk.base64 = Data(part.bytes).base64EncodedString() }
      return JSONBody.encode(chunk) + [0x0a]
    case .frames:
      return frame(part.stream, part.bytes, offset: part.offset, time: part.time)
    }
  }

  /// Frames begin with where both streams begin.
  func encodeStart(_ offsets: [UInt64]) -> [UInt8] {
    OutputStream.allCases.flatMap { frame($0, [], offset: offsets[Int($0.index)], time: 0) }
  }

  /// Frames end with the job's status, lines with the last line, or (`ofRun`) one with the job's status.
  func encodeEnd(_ record: JobRecord, ofRun: Bool) -> [UInt8] {
    guard self == .frames || ofRun else { return [] }
    var status: [UInt8] = []
    if ofRun { StatusBody.encodeRun(record, into: &status) } else { StatusBody.encode(record, into: &status) }
    guard self == .frames else { return status + [0x0a] }
    return frame(LogFrame(kind: .end, length: UInt32(status.count)), status)
  }

  /// All of a log that is in memory.
  func encode(_ output: HeldOutput) -> [UInt8] {
    var out = self == .frames ? encodeStart([0, 0]) : []
    var sent = [0, 0]
    for number in 0..<output.index.count / OutputIndex.pieceSize {
      guard let piece = OutputIndex.piece(number, of: output.index) else { continue }
      let (stream, offset) = (piece.stream, sent[Int(piece.stream.index)])
      let bytes = Array(output[stream].dropFirst(offset).prefix(Int(piece.length)))
      out += encode(LogPart(time: piece.time, stream: stream, offset: UInt64(offset), bytes: bytes))
      sent[Int(stream.index)] += bytes.count
    }
    return out
  }

  private func frame(_ stream: OutputStream, _ bytes: [UInt8], offset: UInt64, time: Int64) -> [UInt8] {
    frame(
      LogFrame(
        kind: stream == .stdout ? .stdout : .stderr, length: UInt32(bytes.count), offset: offset, time: time),
      bytes)
  }

  private func frame(_ frame: LogFrame, _ bytes: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: LogFrame.headerSize)
    out.reserveCapacity(out.count + bytes.count)
    out.withUnsafeMutableBytes { frame.write(to: $0) }
    out.append(contentsOf: bytes)
    return out
  }
}
