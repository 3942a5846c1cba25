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
      let body = pack.body
      let results = try bridge.call { try client.create(body, key: "jobctl-batch/\(key)/\(pack.number)") }
      guard results.count == body.count else {
        throw ClientError.malformed("the server answered \(results.count) of \(body.count) jobs of a batch")
      }
      var left = Left()
      for (place, result) in results.enumerated() where !pack.isDone[place] {
        let line = pack.lines[place]
        if let text = try take(result, BatchBook.Job(line: line)) {
          left.why = left.why ?? text
        } else {
          left.isLess = true
          pack.done(place)
        }
      }
      return left
    }
  }

  /// The same of a command that is run again.
  func send(_ job: BatchBook.Job, _ request: CreateRequest) throws {
    let name = "jobctl-batch/\(key)/line-\(job.line.number)/attempt-\(job.attempt)"
    try repeated { Left(why: try take(try again(request, name), job)) }
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
  private func take(_ result: BatchReply.Result, _ job: BatchBook.Job) throws -> String? {
    if let id = result.id {
      desk.with { $0.sent(job, as: id, now: Clock.monotonic()) }
      return nil
    }
    let text = result.error ?? "the daemon does not say why"
    switch result.status {
    case 429, 503, 507: return text
    case 422:
      throw BatchFault(
        line: job.line.number,
        text:
          "it, or an option for its job, is not what it was when the batch \"\(key)\" was begun; give the same, or another --key"
      )
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

  private func repeated(_ body: () throws -> Left) throws {
    var pause = Self.pauses.first
    desk.with { $0.requestBegins() }
    defer {
      desk.with { $0.requestEnded() }
      console.note(nil)
    }
    while true {
      let left = try body()
      guard let why = left.why, !desk.with({ $0.isStopping || $0.fault != nil }) else { return }
      console.note(why)
      if left.isLess { pause = Self.pauses.first }
      Clock.system.sleep(pause * 1000)
      pause = min(pause * 2, Self.pauses.longest)
    }
  }
}
