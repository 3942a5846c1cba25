import JobAPI
import JobClient
import Platform

/// Creates jobs once, however often it has to ask. One thread's.
struct BatchCreation {
  let desk: BatchDesk
  let console: BatchConsole
  let client: JobClient
  let bridge: Bridge
  let key: String

  /// Milliseconds between two requests of a daemon that takes no more for now.
  private static let pauses: (first: Int64, longest: Int64) = (50, 1000)

  init(_ desk: BatchDesk, _ console: BatchConsole, _ client: JobClient, key: String) {
    (self.desk, self.console, self.client, self.key) = (desk, console, client, key)
    bridge = Bridge(client)
  }

  /// Sends what was not sent of it, and returns once the daemon has taken or refused it. While there is no room it waits, unless
  /// nothing more is to be sent.
  func send(_ pack: inout BatchPack) throws {
    try repeated {
      let results = try create(pack, pack.lines.indices)
      var (left, changed) = (Left(), Int?.none)
      for (place, result) in results.enumerated() where !pack.isDone[place] {
        let line = pack.lines[place]
        if result.status == 422 {
          changed = changed ?? line.number
        } else if let text = take(result, BatchBook.Job(line: line)) {
          left.why = left.why ?? text
        } else {
          left.isLess = true
          pack.done(place)
        }
      }
      // Others of the same request run: they are counted before.
      if let changed { throw isChanged(changed) }
      return left
    }
  }

  /// A result for each line of the pack, of which only those of these places count. What is too large for a request is sent by
  /// several, under the same key.
  private func create(_ pack: BatchPack, _ places: Range<Int>) throws -> [BatchReply.Result] {
    let body = pack.body(places)
    do {
      let results = try bridge.call { try client.create(body, key: "jobctl-batch/\(key)/\(pack.number)") }
      guard results.count == body.count else {
        throw ClientError.malformed("the server answered \(results.count) of \(body.count) jobs of a batch")
      }
      return results
    } catch ClientError.status(413, let text, _) {
      guard places.count > 1 else {
        return Array(
          repeating: BatchReply.Result(error: "\(text) (its --max-body)", status: 413), count: body.count)
      }
      let middle = places.lowerBound + places.count / 2
      let first = try create(pack, places.lowerBound..<middle)
      return try Array(first[..<middle] + create(pack, middle..<places.upperBound)[middle...])
    }
  }

  /// The same of a command that is run again. False: it was not sent, for nothing more is to be.
  func send(_ job: BatchBook.Job, _ request: CreateRequest) throws -> Bool {
    let name = "jobctl-batch/\(key)/line-\(job.line.number)/attempt-\(job.attempt)"
    return try repeated {
      let result = try again(request, name)
      if result.status == 422 { throw isChanged(job.line.number) }
      return Left(why: take(result, job))
    }
  }

  private func isChanged(_ line: Int) -> BatchConflict {
    BatchConflict(
      line: line,
      text:
        "it, or an option for its job, is not what it was when the batch \"\(key)\" was begun; give the same, or another --key, under which all lines run"
    )
  }

  private func again(_ request: CreateRequest, _ name: String) throws -> BatchReply.Result {
    try bridge.call {
      do {
        return BatchReply.Result(id: try client.create(request, key: name))
      } catch ClientError.status(let status, let text, _) {
        return BatchReply.Result(error: text, status: status)
      }
    }
  }

  /// Nil when it was taken or refused; else why there is no room for it.
  private func take(_ result: BatchReply.Result, _ job: BatchBook.Job) -> String? {
    if let id = result.id {
      desk.with { $0.sent(job, as: id, now: Clock.monotonic()) }
      return nil
    }
    let text = result.error ?? "the daemon does not say why"
    switch result.status {
    case 429, 503, 507: return text
    default:
      desk.with { $0.refused(job.line, text) }
      return nil
    }
  }

  /// What there was no room for.
  private struct Left {
    /// Nil: nothing is left.
    var why: String?
    /// There was room for some.
    var isLess = false
  }

  /// False: something is left, for nothing more is to be sent.
  @discardableResult
  private func repeated(_ body: () throws -> Left) throws -> Bool {
    var pause = Self.pauses.first
    desk.with { $0.requestBegins() }
    defer {
      desk.with { $0.requestEnded() }
      console.note(nil)
    }
    while true {
      let left = try body()
      guard let why = left.why else { return true }
      if desk.with({ $0.isStopping || $0.fault != nil }) { return false }
      console.note(why)
      if left.isLess { pause = Self.pauses.first }
      Clock.system.sleep(pause * 1000)
      pause = min(pause * 2, Self.pauses.longest)
    }
  }
}
