import JobClient

/// What a job wrote to its terminal before jobctl took it up.
struct TerminalPast {
  /// Bytes of it that are shown.
  private static let shown: Int64 = 65_536

  /// Where it ends in the job's output.
  let end: UInt64
  /// Where in it to begin.
  let query: Query

  init(_ job: JobDetail) {
    end = UInt64(job.stdoutBytes)
    query = ["stdout": "\(max(0, job.stdoutBytes - Self.shown))", "stderr": "0"]
  }
}
