import JobAPI
import JobModel

/// `GET /jobs/<id>/output`: both streams as text in one JSON object, encoded block by block as the client takes it.
extension Worker {
  func output(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    let record = try job(id, exchange.principal, .output).record
    try reply(try OutputBody(api, record), exchange, isHead: head.isHead)
  }

  /// `onEnd` is called when an exchange that goes on with the rest of the body is over.
  func reply(
    _ body: OutputBody, _ exchange: Exchange, isHead: Bool = false, onEnd: ((ExchangeEnd) -> Void)? = nil
  ) throws {
    var bytes: [UInt8] = []
    // A small one is sent whole, with its length.
    while bytes.count < OutputBody.block, try body.next(&bytes) {}
    guard !body.isDone else { return exchange.reply(encoded: bytes) }
    exchange.beginReply(200, type: "application/json")
    guard !isHead else { return exchange.endReply() }
    let task = OutputTask(self, body)
    task.onEnd = onEnd
    exchange.begin(task)
    if exchange.write(bytes) { task.writable(exchange) }
  }
}

private final class OutputTask: StreamTask {
  private let outputBody: OutputBody

  init(_ worker: Worker, _ body: OutputBody) {
    outputBody = body
    super.init(worker, failure: "output_failed")
  }

  override func send(_ exchange: Exchange) throws -> Bool {
    var bytes: [UInt8] = []
    while try outputBody.next(&bytes) {
      guard exchange.write(bytes) else { return false }
      bytes.removeAll(keepingCapacity: true)
    }
    _ = exchange.write(bytes)
    return true
  }
}

/// The object's text, a block at a time.
final class OutputBody {
  static let block = 65536
  private enum Source {
    case file(OutputFile?)
    case memory([UInt8])

    func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
      switch self {
      case .file(let file): try file?.read(count, at: offset) ?? []
      case .memory(let bytes): Array(bytes.dropFirst(Int(offset)).prefix(count))
      }
    }
  }

  private let record: JobRecord
  /// What stands before the streams.
  private var head: [UInt8] = Array("{".utf8)
  private var streams: [(stream: OutputStream, source: Source, size: UInt64)] = []
  private var current = 0
  private var offset: UInt64 = 0
  private var text = JSONText()
  private var isRun = false
  private(set) var isDone = false

  /// The reply to a run request: the job's state, and its output, which is in `held` or in files. `index`: of one in a
  /// batch.
  convenience init(
    _ api: ApiContext, ofRun record: JobRecord, _ held: HeldOutput?, index: Int? = nil
  ) throws {
    try self.init(api, record, held)
    head.removeAll(keepingCapacity: true)
    StatusBody.encodeRun(record, into: &head)
    if let index { head.replaceSubrange(0..<1, with: "{\"index\":\(index),".utf8) }
    head[head.count - 1] = UInt8(ascii: ",")
    isRun = true
  }

  init(_ api: ApiContext, _ record: JobRecord, _ held: HeldOutput? = nil) throws {
    self.record = record
    for stream in OutputStream.allCases {
      if let held {
        streams.append((stream, .memory(held[stream]), UInt64(held[stream].count)))
        continue
      }
      // A job that was never started has no output, nor has one in state error any that counts.
      let kept = stream == .stdout ? record.stdout.kept : record.stderr.kept
      let hasFile = record.state == .running || (record.state == .completed && kept > 0)
      let file = hasFile ? try api.wholeOutput(record, stream) : nil
      let size = record.state == .running ? file?.size ?? 0 : hasFile ? kept : 0
      streams.append((stream, .file(file), size))
    }
  }

  /// Appends the next part; false when that was the last one.
  func next(_ out: inout [UInt8]) throws -> Bool {
    guard !isDone else { return false }
    let (stream, source, size) = streams[current]
    if offset == 0 {
      if current == 0 { out.append(contentsOf: head) } else { out.append(UInt8(ascii: ",")) }
      out.append(contentsOf: "\"\(stream.rawValue)\":\"".utf8)
    }
    let count = Int(min(size - offset, UInt64(Self.block)))
    let bytes = count > 0 ? try source.read(count, at: offset) : []
    guard !bytes.isEmpty || count == 0 else { throw MissingOutput(stream: stream, count: size - offset) }
    text.append(bytes, to: &out)
    offset += UInt64(bytes.count)
    guard offset == size else { return true }
    text.finish(&out)
    out.append(UInt8(ascii: "\""))
    (current, offset) = (current + 1, 0)
    guard current == streams.count else { return true }
    out.append(contentsOf: (record.truncated && !isRun ? #","truncated":true}"# : "}").utf8)
    isDone = true
    return false
  }
}
