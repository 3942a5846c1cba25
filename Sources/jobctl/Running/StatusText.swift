import JobAPI

/// A state in words.
enum StatusText {
  static func line(_ status: StatusReply) -> String {
    switch status.status {
    case .running: return status.queued == true ? "running, queued" : "running"
    case .error: return "error: \(Text.printable(status.errorMessage ?? "unknown"))"
    case .completed:
      var text = "completed, exit code \(status.exitCode ?? 0)"
      if let signal = status.signal {
        text += ", ended by signal \(SignalName(number: signal).map { "\($0)" } ?? "\(signal)")"
      }
      if status.timedOut == true { text += ", timed out" }
      text += cause(status)
      if status.truncated == true { text += ", output truncated" }
      if let error = status.errorMessage { text += "; \(Text.printable(error))" }
      return text
    }
  }
}

extension StatusText {
  /// What ended it, where nothing else says so.
  private static func cause(_ status: StatusReply) -> String {
    switch status.endedBy {
    case .stop: ", stopped" + (status.stoppedBy?.client.map { " by \(Text.printable($0))" } ?? "")
    case .shutdown: ", stopped with the daemon"
    case .memory: ", out of memory"
    default: ""
    }
  }
}

/// How a job ended, as JSON with its id.
struct EndedJob: Encodable, Error {
  let id: JobID
  let result: StatusReply

  func print(_ invocation: Invocation) throws {
    try invocation.print(self, "\(id) \(StatusText.line(result))")
  }
}
