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
    let requests = pack.requests
    try repeated {
      let results = try bridge.call { try client.create(requests, key: "jobctl-batch/\(key)/\(pack.number)") }
      guard results.count == requests.count else {
        throw ClientError.malformed(
          "the server answered \(results.count) of \(requests.count) jobs of a batch")
      }
      var why: String?
      for (place, result) in results.enumerated() where !pack.isDone[place] {
        switch try take(result, pack.lines[place]) {
        case .sent(let id): sent(BatchBook.Job(line: pack.lines[place]), id)
        case .refused(let text): desk.with { $0.refused(pack.lines[place], text) }
        case .full(let text):
          why = why ?? text
          continue
        }
        pack.done(place)
      }
      return why
    }
  }

  /// The same of a command that is run again.
  func send(_ job: BatchBook.Job, _ request: CreateRequest) throws {
    let name = "jobctl-batch/\(key)/line-\(job.line.number)/attempt-\(job.attempt)"
    try repeated {
      switch try take(try again(request, name), job.line) {
      case .sent(let id): sent(job, id)
      case .refused(let text): desk.with { $0.refused(job.line, text) }
      case .full(let text): return text
      }
      return nil
    }
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

  private func sent(_ job: BatchBook.Job, _ id: JobID) {
    desk.with { $0.sent(job, as: id, now: Clock.monotonic()) }
  }

  private enum Outcome {
    case sent(JobID)
    case refused(String)
    case full(String)
  }

  private func take(_ result: BatchReply.Result, _ line: BatchLine) throws -> Outcome {
    if let id = result.id { return .sent(id) }
    let text = result.error ?? "the daemon does not say why"
    switch result.status {
    case 429, 503, 507: return .full(text)
    case 422:
      throw BatchFault(
        line: line.number,
        text:
          "it, or an option for its job, is not what it was when the batch \"\(key)\" was begun; give the same, or another --key"
      )
    default: return .refused(text)
    }
  }

  /// `body` says why it has to be done again; nil: it has not.
  private func repeated(_ body: () throws -> String?) throws {
    var pause = Self.pauses.first
    desk.with { $0.requestBegins() }
    defer {
      desk.with { $0.requestEnded() }
      console.note(nil)
    }
    while let why = try body() {
      guard !desk.with({ $0.isStopping || $0.fault != nil }) else { return }
      console.note(why)
      Clock.system.sleep(pause * 1000)
      pause = min(pause * 2, Self.pauses.longest)
    }
  }
}
