import JobAPI

/// How a job that was followed to its end ended: what is told of it, and what jobctl exits with.
enum JobEnd {
  /// `words`: the job's command and its arguments.
  static func exitStatus(_ status: StatusReply, _ words: [String]) -> Int32 {
    for line in lines(status, words) { Terminal.complain(line) }
    return ExitCode.of(status)
  }

  /// None where it says nothing but its exit code.
  static func lines(_ status: StatusReply, _ words: [String]) -> [String] {
    guard status.status == .completed else {
      let error = "jobctl: \(Text.printable(status.errorMessage ?? "the job failed"))"
      return [error] + (CommandHint.text(words, status).map { ["  \($0)"] } ?? [])
    }
    let limit = status.timedOut == true ? ["jobctl: the job's time limit ended it"] : []
    if let error = status.errorMessage { return limit + ["jobctl: \(Text.printable(error))"] }
    return limit + (status.truncated == true ? ["jobctl: output past the job's limit was dropped"] : [])
  }
}
