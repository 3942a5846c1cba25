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
    let record = try job(id, exchange.principal, route).record
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
    if case .beginning = start {
      return try reply(content, content.requestedRange(head), exchange, isHead: head.isHead)
    }
    let task = PartTask(self, content, start, isHead: head.isHead)
    exchange.begin(task)
    task.wake(exchange)
  }

  fileprivate func reply(
    _ content: StreamContent, _ range: Range<UInt64>?, isPart: Bool = true, _ exchange: Exchange,
    isHead: Bool
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
    let descriptor = isHead || sent.isEmpty ? -1 : try content.file?.duplicate() ?? -1
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

  /// Where that is in the stream as it is now.
  func place(_ file: OutputFile?, _ size: UInt64) -> StreamPlace {
    switch self {
    case .beginning: .known(0)
    case .offset(let offset): .known(offset)
    case .lastBytes(let count): .known(size - min(count, size))
    case .lastLines(let lines): file.map { .sought(LastLines(lines, of: $0, before: size)) } ?? .known(0)
    }
  }
}

/// A place in a stream.
private enum StreamPlace {
  case known(UInt64)
  case sought(LastLines)

  /// Nil: it was not found in this turn.
  mutating func offset() throws(SystemError) -> UInt64? {
    switch self {
    case .known(let offset): return offset
    case .sought(var lines):
      defer { self = .sought(lines) }
      return try lines.start()
    }
  }
}

/// Sends the part of a stream that the query asks for, and that is whole in itself: only a Range is answered with a part.
private final class PartTask: ExchangeTask {
  private let content: StreamContent
  private var place: StreamPlace
  private let isHead: Bool

  init(_ worker: Worker, _ content: StreamContent, _ start: StreamStart, isHead: Bool) {
    (self.content, self.isHead) = (content, isHead)
    place = start.place(content.file, content.size)
    super.init(worker)
  }

  override func wake(_ exchange: Exchange) {
    do {
      guard let start = try place.offset() else { return exchange.wake() }
      guard start <= content.size else { throw content.unsatisfiable }
      try worker.reply(content, start..<content.size, isPart: false, exchange, isHead: isHead)
    } catch {
      worker.fail(exchange, error)
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
  private var place: StreamPlace?
  private var isBegun = false
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
      guard try extend(exchange, file, to: kept ?? file.size) else { return exchange.wake() }
    }
    guard finished != nil else { return }
    isOver = true
    exchange.endReply()
  }

  /// False: where it begins was not found in this turn.
  private func extend(_ exchange: Exchange, _ file: OutputFile, to limit: UInt64) throws -> Bool {
    if place == nil { place = start.place(file, limit) }
    guard let first = try place!.offset() else { return false }
    if isBegun {
      jc_reply_file_extend(exchange.pointer, max(first, limit))
    } else {
      jc_reply_file(exchange.pointer, try file.duplicate(), first, max(first, limit))
      isBegun = true
    }
    return true
  }

  override func ended(_ end: ExchangeEnd) { follow.end() }
}
