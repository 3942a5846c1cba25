import JobAPI
import JobClient
import Platform

/// The end of a job's output, for people: a few lines of each stream, stderr first, which mostly says why.
struct LastLines {
  private let client: JobClient
  private let id: JobID
  private static let lines = 5
  /// Bytes that are read of a stream, and columns that are shown of each line.
  private static let most = 1 << 14
  private static let columns = 500

  init(_ client: JobClient, _ id: JobID) { (self.client, self.id) = (client, id) }

  /// Empty where there are none, or where they cannot be had.
  func read(_ bridge: Bridge) throws -> [String] {
    var shown: [String] = []
    for stream in [OutputStream.stderr, .stdout] { shown += Self.shown(try tail(of: stream, bridge), stream) }
    return shown
  }

  private func tail(of stream: OutputStream, _ bridge: Bridge) throws -> [UInt8] {
    let target = stream.route.target(id, ["tail_bytes": "\(Self.most)"])
    var bytes: [UInt8] = []
    do {
      try bridge.call {
        bytes = []
        try client.stream(stream.route, target) { bytes += $0 }
      }
    } catch ClientError.notFound {
      return []
    }
    return bytes
  }

  static func shown(_ bytes: [UInt8], _ stream: OutputStream) -> [String] {
    let text = String(decoding: bytes, as: UTF8.self)
    // A terminal ends lines by CR and LF.
    return text.unicodeScalars.split(separator: "\n")
      .map { $0.last == "\r" ? $0.dropLast() : $0 }.filter { !$0.isEmpty }.suffix(lines)
      .map { "\(stream): \(Text.cut(Text.printable(String($0)), columns))" }
  }
}
