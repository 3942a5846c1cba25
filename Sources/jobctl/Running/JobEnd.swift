import JobAPI
import JobClient
import Platform

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
    let limit = status.timedOut == true ? ["jobctl: the job's time limit ended it"] : stop(status)
    if let error = status.errorMessage { return limit + ["jobctl: \(Text.printable(error))"] }
    return limit + (status.truncated == true ? ["jobctl: output past the job's limit was dropped"] : [])
  }

  /// Who stopped it.
  private static func stop(_ status: StatusReply) -> [String] {
    switch status.endedBy {
    case .stop: ["jobctl: \(status.stoppedBy?.client.map(Text.printable) ?? "somebody") stopped the job"]
    case .shutdown: ["jobctl: the daemon was stopped, and the job with it"]
    default: []
    }
  }

  /// What is told of one that somebody deleted before it ended.
  static func deleted(_ id: JobID) -> ClientError {
    .status(404, "job \(id) was deleted meanwhile", retryAfter: nil)
  }

  /// Of a job that had ended before jobctl came.
  static func past(_ job: JobDetail, now: Int64 = Clock.system.now()) -> String {
    let what = job.exitCode.map { "ended with \($0)" } ?? "is in state error"
    let ended = (job.times.ended ?? job.finished).flatMap { TimeText.microseconds($0) }
    let age = ended.map { " (\(Age.text(seconds: (now - $0) / 1_000_000)) ago)" } ?? ""
    return "jobctl: job \(job.id.short) \(what)\(age); all of its output: \"jobctl logs \(job.id.short)\""
  }
}
