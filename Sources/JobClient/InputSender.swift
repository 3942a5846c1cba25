import Glibc
import JobAPI
import Platform

/// Sends what can be read from a descriptor into a job's open standard input: each byte once and in order, then the end.
///
/// One request goes on for as long as there is something to send. The server tells meanwhile how far the job has the
/// input; what it has not is kept, ``mostBlocks`` at most, and sent again when the connection was lost. A server that does not
/// say anything for as long as a reply may take is lost too; a job that does not read is waited for. One thread.
public final class InputSender {
  private struct Block {
    let offset: UInt64
    let bytes: [UInt8]
    var end: UInt64 { offset + UInt64(bytes.count) }
  }

  private static let blockSize = 1 << 16
  /// 32 MiB: less than what is on its way through a fast and long link would leave that idle.
  private static let mostBlocks = 512
  /// Milliseconds without input after which the request is ended: the server waits for a body only so long.
  private static let idle: Int64 = 1000
  /// The same between two words of the server, when a reply may take for ever.
  private static let longestSilence: Int64 = 15_000

  private let client: JobClient
  private let id: JobID
  private let bridge: Bridge
  private let descriptor: Int32
  /// As whom it writes to the job's terminal; nil: to an open standard input.
  private let writer: String?
  /// Read, and not known to have been taken.
  private var kept: [Block] = []
  private var offset: UInt64
  /// As far as that a connection was given it.
  private var sent: UInt64 = 0
  private var isAtEnd = false
  /// When the server is given up, unless it says something before.
  private var silence: Deadline?
  /// By which the server has told where what is typed next belongs.
  private weak var told: Connection?
  /// Microseconds between two looks at a job that does not run yet.
  private static let pauses: ClosedRange<Int64> = 20_000...1_000_000

  /// `offset`: where the first byte belongs in all of the job's input. `writer`: as whom it writes to the job's terminal, which
  /// stays open at the end; the server tells the offset then.
  public init(
    _ client: JobClient, _ id: JobID, _ bridge: Bridge, from descriptor: Int32, at offset: UInt64 = 0,
    as writer: String? = nil
  ) {
    (self.client, self.id, self.bridge, self.descriptor) = (client, id, bridge, descriptor)
    (self.offset, self.writer) = (offset, writer)
  }

  /// Returns after the descriptor's end, when the job has it all; connects when there is something to send. Throws
  /// ``ClientError``: a 409 with ``InputEnded/text`` when the job takes no more.
  public func send() throws {
    repeat {
      read()
      try bridge.call { try kept.isEmpty ? close() : sendOnce() }
    } while !isAtEnd
  }

  private func close() throws {
    if writer == nil { try client.feed(id, [], at: offset, close: true) }
  }

  /// One request, from the first byte that is kept. That of the input's end follows at once, not a round trip later.
  private func sendOnce() throws {
    let connection = try writer == nil ? client.connection() : connectionToTerminal()
    guard !kept.isEmpty else { return }
    let type = "Content-Type: \(MediaType.octets)\r\n"
    try connection.begin(Route.stdin.method, target, headers: type, length: -1)
    let isWhole = try isWritten(to: connection)
    let isLast = isWhole && isAtEnd && writer == nil
    if isLast { try connection.send(Route.stdin.method, endTarget) }
    try readReply(connection)
    guard isWhole else { throw ClientError.closed("the server ended the request before the input did") }
    kept = []
    if isLast { try readReply(connection) }
  }

  /// While there was none, others may have typed, or a terminal's daemon lost what it had not typed yet: by each new one it is
  /// asked how far the input is.
  private func connectionToTerminal() throws -> Connection {
    while true {
      let connection = try client.connection()
      if connection === told { return connection }
      goOn(at: try place())
      told = try client.connection()
    }
  }

  private func place() throws -> UInt64 {
    var pause = Self.pauses.lowerBound
    while true {
      let job = try client.detail(id)
      if let bytes = job.stdinBytes { return UInt64(bytes) }
      guard job.status == .running else { throw ClientError.status(409, InputEnded.text, retryAfter: nil) }
      bridge.clock.sleep(pause)
      pause = min(pause * 2, Self.pauses.upperBound)
    }
  }

  /// What is kept, and was sent, has come as far as that. A place where it cannot end is another's doing: then nobody knows
  /// how much of it came, and it is typed again rather than lost.
  private func goOn(at place: UInt64) {
    if let first = kept.first, first.offset <= place, place <= sent {
      kept.removeFirst(kept.prefix { $0.end <= place }.count)
      return
    }
    (offset, sent) = (place, place)
    kept = kept.map { block in
      defer { offset += UInt64(block.bytes.count) }
      return Block(offset: offset, bytes: block.bytes)
    }
  }

  private func readReply(_ connection: Connection) throws {
    let status = try connection.reply()
    guard status < 300 else { throw try JobClient.failure(connection, status) }
    _ = try connection.readAll()
  }

  private var target: String {
    let limit = Int64(client.settings.replyTimeout)
    let progress = limit == 0 ? Self.longestSilence : min(Self.longestSilence, limit / 2)
    let query: Query = [
      "offset": "\(kept[0].offset)", "close": "0", "progress": "\(DurationText(milliseconds: progress))",
      "writer": writer,
    ]
    return Route.stdin.target(id, query)
  }

  private var endTarget: String { Route.stdin.target(id, ["offset": "\(offset)", "close": "1"]) }

  /// False: the server answered before the request's end, or closed the connection.
  private func isWritten(to connection: Connection) throws -> Bool {
    do {
      sent = offset
      for block in kept { try connection.write(block.bytes) }
      renewSilence()
      while !isAtEnd {
        switch try connection.listen(kept.count < Self.mostBlocks ? descriptor : nil, milliseconds: patience)
        {
        case .interim: confirm(connection)
        case .input: try pass(to: connection)
        case .reply: return false
        case .nothing:
          guard kept.isEmpty else { throw ClientError.timeout("the server did not answer in time") }
          try connection.finish()
          return true
        }
      }
      try connection.finish()
      return true
    } catch ClientError.closed {
      return false
    }
  }

  /// Milliseconds to wait for the server or for input; 0: for ever.
  private var patience: Int64 {
    if kept.isEmpty { return Self.idle }
    return silence.map { max(1, $0.left) } ?? 0
  }

  private func renewSilence() {
    let limit = client.settings.replyTimeout
    silence = limit == 0 ? nil : Deadline(after: Int64(limit))
  }

  private func confirm(_ connection: Connection) {
    renewSilence()
    bridge.reached()
    guard let taken = connection.header("upload-offset").flatMap({ UInt64($0) }) else { return }
    kept.removeFirst(kept.prefix { $0.end <= taken }.count)
  }

  private func pass(to connection: Connection) throws {
    if kept.isEmpty { renewSilence() }
    read()
    sent = offset
    if !isAtEnd { try connection.write(kept[kept.count - 1].bytes) }
  }

  /// Keeps what there is next, or notes the end.
  private func read() {
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.blockSize) { buffer, count in
      var result = -1
      repeat {
        result = Glibc.read(descriptor, buffer.baseAddress!, buffer.count)
      } while result < 0 && mustRetry()
      count = max(0, result)
    }
    isAtEnd = bytes.isEmpty
    if isAtEnd { return }
    kept.append(Block(offset: offset, bytes: bytes))
    offset += UInt64(bytes.count)
  }

  private func mustRetry() -> Bool {
    if errno == EINTR { return true }
    guard errno == EAGAIN else { return false }
    // Somebody who shares it made it non-blocking.
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, -1) >= 0 || errno == EINTR
  }
}
