import CJobHTTP
import JobAPI
import JobModel
import Platform

/// `GET /jobs/<id>/stdout` and `/stderr`: a stream's bytes, all or a range of them, now or as they come.
extension Worker {
  func stream(_ stream: OutputStream, _ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    let route: Route = stream == .stdout ? .stdout : .stderr
    let query = try head.query(allowed: "follow", "offset", "tail", "tail_bytes")
    let start = try StreamStart(query)
    let record = try job(id, of: exchange.client, route).record
    if try query.flag("follow") {
      guard !head.isHead else { return exchange.beginEmptyReply() }
      let task = FollowTask(self, stream, start, try FollowedJob(self, id, exchange, route, [stream]))
      exchange.begin(task)
      exchange.beginReply(200, type: "application/octet-stream")
      return task.wake(exchange)
    }
    let content = try StreamContent(api, record, stream)
    if try head.isKnown(tag: content.tag) {
      return exchange.reply(304, fields: content.tag.map { [HeaderField("ETag", $0)] } ?? [])
    }
    // What the query asks for is whole in itself: only a Range is answered with a part.
    guard let part = try start.range(content) else {
      return try reply(content, content.requestedRange(head), exchange, head)
    }
    try reply(content, part, isPart: false, exchange, head)
  }

  private func reply(
    _ content: StreamContent, _ range: Range<UInt64>?, isPart: Bool = true, _ exchange: Exchange,
    _ head: RequestHead
  ) throws {
    let sent = range ?? 0..<content.size
    var fields = [HeaderField("Accept-Ranges", isPart ? "bytes" : "none")]
    if let tag = content.tag { fields.append(HeaderField("ETag", tag)) }
    let isPart = isPart && range != nil
    if isPart {
      let last = sent.upperBound - 1
      fields.append(HeaderField("Content-Range", "bytes \(sent.lowerBound)-\(last)/\(content.size)"))
    }
    // Duplicated before the reply begins: afterwards there is no way to say that it failed.
    let descriptor = head.isHead || sent.isEmpty ? -1 : try content.file?.duplicate() ?? -1
    exchange.beginReply(
      isPart ? 206 : 200, type: "application/octet-stream", fields: fields, length: UInt64(sent.count)
    )
    if descriptor >= 0 { jc_reply_file(exchange.pointer, descriptor, sent.lowerBound, sent.upperBound) }
    exchange.endReply()
  }
}

extension Exchange {
  /// The head of a reply whose length is not known.
  fileprivate func beginEmptyReply() {
    beginReply(200, type: "application/octet-stream")
    endReply()
  }
}

/// What there is of a stream now.
private struct StreamContent {
  let file: OutputFile?
  let size: UInt64
  /// An entity tag (RFC 9110, section 8.8.3) once the content cannot change any more.
  let tag: String?

  init(_ api: ApiContext, _ record: JobRecord, _ stream: OutputStream) throws {
    file = try api.wholeOutput(record, stream)
    let kept = stream == .stdout ? record.stdout.kept : record.stderr.kept
    size = record.state == .running ? file?.size ?? 0 : kept
    tag = record.state == .running ? nil : "\"\(record.id)-\(stream.rawValue)-\(size)\""
  }

  /// The range the request's header asks for (RFC 9110, section 14); nil for the whole. It is GET's alone.
  func requestedRange(_ head: RequestHead) throws(Problem) -> Range<UInt64>? {
    guard !head.isHead, let text = head.header("range"), text.hasPrefix("bytes=") else { return nil }
    if let condition = head.header("if-range"), condition != tag { return nil }
    let parts = text.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    // What is malformed, or several ranges, is ignored, as the RFC allows.
    guard parts.count == 2 else { return nil }
    if parts[0].isEmpty {
      guard let last = Self.position(parts[1]) else { return nil }
      guard last > 0, size > 0 else { throw unsatisfiable }
      return (size - min(last, size))..<size
    }
    guard let first = Self.position(parts[0]) else { return nil }
    guard let last = parts[1].isEmpty ? .max : Self.position(parts[1]), last >= first else { return nil }
    guard first < size else { throw unsatisfiable }
    return first..<(min(last, size - 1) + 1)
  }

  /// Digits alone; those of a larger number than there are bytes in any file stand for the largest.
  private static func position(_ text: Substring) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt64(text) ?? .max
  }

  var unsatisfiable: Problem {
    Problem(
      416, "the range begins past the end: there are \(size) bytes",
      fields: [HeaderField("Content-Range", "bytes */\(size)")])
  }
}

/// Where in a stream a request wants to begin, by its query.
private enum StreamStart {
  case beginning
  case offset(UInt64)
  case lastLines(Int)
  case lastBytes(UInt64)

  init(_ query: Query) throws(Problem) {
    let given = ["offset", "tail", "tail_bytes"].filter { query[$0] != nil }
    guard given.count <= 1 else {
      throw Problem(400, "\(given.joined(separator: " and ")) exclude each other")
    }
    if let offset = try query.number("offset") {
      self = .offset(offset)
    } else if let lines = try query.number("tail") {
      self = .lastLines(Int(clamping: lines))
    } else if let bytes = try query.number("tail_bytes") {
      self = .lastBytes(bytes)
    } else {
      self = .beginning
    }
  }

  /// The part of the content to send; nil for all of it.
  func range(_ content: StreamContent) throws -> Range<UInt64>? {
    if case .beginning = self { return nil }
    let start = try self.start(content.file, content.size)
    guard start <= content.size else { throw content.unsatisfiable }
    return start == 0 ? nil : start..<content.size
  }

  /// The offset, seen from the stream as it is now.
  func start(_ file: OutputFile?, _ size: UInt64) throws(SystemError) -> UInt64 {
    switch self {
    case .beginning: return 0
    case .offset(let offset): return offset
    case .lastBytes(let count): return size - min(count, size)
    case .lastLines(let lines): return try file?.start(ofLast: lines, before: size) ?? 0
    }
  }
}

/// Sends a stream as it grows, until its job has ended.
private final class FollowTask: ExchangeTask {
  private let stream: OutputStream
  private let start: StreamStart
  private let follow: FollowedJob
  private var file: OutputFile?
  /// Where the reply begins in the stream, once its file is there.
  private var first: UInt64?
  private var isOver = false

  init(_ worker: Worker, _ stream: OutputStream, _ start: StreamStart, _ follow: FollowedJob) {
    (self.stream, self.start, self.follow) = (stream, start, follow)
    super.init(worker)
  }

  override func wake(_ exchange: Exchange) {
    guard !isOver else { return }
    do {
      let record = try follow.current()
      try send(exchange, finished: record.state == .running ? nil : record)
    } catch {
      worker.api.log.error("follow_failed", ["error": "\(error)"])
      exchange.abortReply()
      isOver = true
    }
  }

  private func send(_ exchange: Exchange, finished: JobRecord?) throws {
    if file == nil { file = try worker.api.wholeOutput(follow.current(), stream) }
    if let file {
      let kept = finished.map { stream == .stdout ? $0.stdout.kept : $0.stderr.kept }
      try extend(exchange, file, to: kept ?? file.size)
    }
    guard finished != nil else { return }
    isOver = true
    exchange.endReply()
  }

  private func extend(_ exchange: Exchange, _ file: OutputFile, to limit: UInt64) throws {
    if let first { return jc_reply_file_extend(exchange.pointer, max(first, limit)) }
    let first = try start.start(file, limit)
    jc_reply_file(exchange.pointer, try file.duplicate(), first, max(first, limit))
    self.first = first
  }

  override func ended() { follow.end() }
}
