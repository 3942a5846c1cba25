import JobAPI
import JobLoop
import JobModel
import Platform

/// `GET /jobs/<id>/status`, the route that is asked most: answered from memory, its body encoded by hand, once
/// for each change of a job.
extension Worker {
  func status(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    guard head.hasQuery, let time = try head.query(allowed: "wait").duration("wait") else {
      return try replyStatus(of: id, owner(of: id, exchange.principal, .status), exchange)
    }
    try waitForStatus(id, exchange, milliseconds: time.milliseconds)
  }

  private func waitForStatus(_ id: JobID, _ exchange: Exchange, milliseconds: Int64) throws {
    let client = try owner(of: id, exchange.principal, .status)
    guard let entry = try observe(id, of: client, exchange) else { throw NoSuchJob(.status) }
    guard entry.record.state == .running, milliseconds > 0, !isDraining else {
      api.table.forget(id, observer(exchange))
      return replyStatus(entry.record, exchange)
    }
    let task = WaitTask(self, id, client, observer(exchange))
    exchange.begin(task)
    try task.begin(exchange, milliseconds: milliseconds)
  }

  /// The job as it is now.
  fileprivate func replyStatus(of id: JobID, _ client: Int64, _ exchange: Exchange) throws {
    guard let text = api.table.status(id, of: client) else {
      return replyStatus(try stored(id, of: client, .status), exchange)
    }
    exchange.reply(encoded: text)
  }

  func replyStatus(_ record: JobRecord, _ exchange: Exchange) {
    var text: [UInt8] = []
    StatusBody.encode(record, into: &text)
    exchange.reply(encoded: text)
  }
}

/// Waits for a job's end, or for its time to be up.
private final class WaitTask: ExchangeTask {
  private let id: JobID
  private let client: Int64
  private let observer: JobTable.Observer
  private var deadline: ReplyDeadline?

  init(_ worker: Worker, _ id: JobID, _ client: Int64, _ observer: JobTable.Observer) {
    (self.id, self.client, self.observer) = (id, client, observer)
    super.init(worker)
  }

  func begin(_ exchange: Exchange, milliseconds: Int64) throws(SystemError) {
    deadline = try ReplyDeadline(worker, exchange, milliseconds: milliseconds)
  }

  /// That it waits no more is no reason to reply.
  override func wake(_ exchange: Exchange) {
    if deadline?.isOver == false, worker.api.table.entry(id, of: client)?.record.state == .running {
      return
    }
    do {
      try worker.replyStatus(of: id, client, exchange)
    } catch {
      worker.fail(exchange, error)
    }
  }

  override func ended(_ end: ExchangeEnd) {
    worker.api.table.forget(id, observer)
  }
}

/// The body of a status reply, as ``StatusReply`` says it.
enum StatusBody {
  static func encode(_ record: JobRecord, into out: inout [UInt8]) {
    out.reserveCapacity(96)
    put(start(of: record.state), &out)
    if let error = record.error {
      put(#","error_msg":""#, &out)
      JSONText.put(error, into: &out)
      put("\"", &out)
    }
    if let code = record.errorCode {
      put(#","error_code":""#, &out)
      out.append(contentsOf: code.rawValue.utf8)
      put("\"", &out)
    }
    if record.state == .completed {
      put(#","exit_code":"#, &out)
      put(record.exitCode, &out)
      if record.signal != 0 {
        put(#","signal":"#, &out)
        put(record.signal, &out)
      }
    }
    if record.flags.contains(.timedOut) { put(#","timed_out":true"#, &out) }
    if record.truncated { put(#","truncated":true"#, &out) }
    if record.isQueued { put(#","queued":true"#, &out) }
    if record.state != .running, let end = record.endedBy { put(end, of: record, &out) }
    out.append(UInt8(ascii: "}"))
  }

  /// The same with the job's id before it.
  static func encodeRun(_ record: JobRecord, into out: inout [UInt8]) {
    let start = out.count
    encode(record, into: &out)
    out.replaceSubrange(start..<start + 1, with: #"{"id":"\#(record.id)","#.utf8)
  }

  private static func put(_ end: EndedBy, of record: JobRecord, _ out: inout [UInt8]) {
    put(#","ended_by":""#, &out)
    out.append(contentsOf: end.rawValue.utf8)
    put("\"", &out)
    guard let stopped = record.stoppedBy else { return }
    put(#","stopped_by":{"#, &out)
    if let client = stopped.client {
      put(#""client":""#, &out)
      JSONText.put(client, into: &out)
      put("\",", &out)
    }
    put(#""time":""#, &out)
    out.append(contentsOf: stopped.time.utf8)
    put("\"}", &out)
  }

  private static func start(of state: JobState) -> StaticString {
    switch state {
    case .running: #"{"status":"running""#
    case .error: #"{"status":"error""#
    case .completed: #"{"status":"completed""#
    }
  }

  private static func put(_ text: StaticString, _ out: inout [UInt8]) {
    out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private static func put(_ number: Int32, _ out: inout [UInt8]) {
    if number < 0 { out.append(UInt8(ascii: "-")) }
    put(digits: number.magnitude, &out)
  }

  private static func put(digits number: UInt32, _ out: inout [UInt8]) {
    if number > 9 { put(digits: number / 10, &out) }
    out.append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}

extension JobRecord {
  /// What `GET /jobs/<id>/status` says of it.
  var statusReply: StatusReply {
    StatusReply(
      status: state, errorMessage: error, errorCode: errorCode,
      exitCode: state == .completed ? exitCode : nil,
      signal: signal == 0 ? nil : signal, timedOut: flags.contains(.timedOut) ? true : nil,
      truncated: truncated ? true : nil, queued: isQueued ? true : nil,
      endedBy: state == .running ? nil : endedBy, stoppedBy: stoppedBy)
  }
}
