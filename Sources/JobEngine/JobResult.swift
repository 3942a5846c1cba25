import CJobEngine
import Glibc
import JobModel
import Platform

extension JobRecord {
  /// Takes over how the engine saw the job end.
  package mutating func take(_ result: jc_job_result) {
    finished = result.finished_us
    stdout = StreamCount(kept: result.bytes.0, dropped: result.dropped.0)
    stderr = StreamCount(kept: result.bytes.1, dropped: result.dropped.1)
    userTime = result.user_us
    systemTime = result.system_us
    peakMemory = result.max_rss_kib
    guard result.error == 0 else {
      state = .error
      error = Self.startFailure(result)
      return
    }
    state = .completed
    started = result.started_us
    exitCode = result.exit_code
    signal = result.signal
    if result.timed_out { flags.insert(.timedOut) }
    if result.limit_killed { flags.insert(.limitKilled) }
    if result.forced_eof { flags.insert(.forcedEnd) }
    if stdout.dropped > 0 || stderr.dropped > 0 { flags.insert(.truncated) }
    error = Self.outputFailure(result)
  }

  package static func startFailure(_ result: jc_job_result) -> String {
    let stage = result.error_stage.map { String(cString: $0) } ?? "start"
    if stage == "wait" { return "the job ended, and its exit status was lost: its parent did not tell it" }
    let subject = result.error_subject.map { " \"\(shortened(String(cString: $0)))\"" } ?? ""
    return "cannot start the job: \(stage)\(subject): \(SystemError.text(of: result.error))"
  }

  /// A client may name a program by megabytes; the message is kept in memory.
  private static func shortened(_ name: String) -> String {
    let most = 200
    guard name.utf8.count > most else { return name }
    return String(String.UnicodeScalarView(name.unicodeScalars.prefix(most))) + "..."
  }

  private static func outputFailure(_ result: jc_job_result) -> String? {
    let (stdout, stderr) = result.output_error
    guard stdout != 0 || stderr != 0 else {
      return result.limit_killed ? "the job was killed at its output limit" : nil
    }
    let (name, code) = stdout != 0 ? ("stdout", stdout) : ("stderr", stderr)
    return "output was lost: cannot write \(name): \(SystemError.text(of: code))"
  }
}

extension jc_job_result {
  /// Whether what kept the job from starting lies in this system, not in what the job asks for.
  package var isFaultOfSystem: Bool {
    let stage = error_stage.map { String(cString: $0) } ?? ""
    guard ["exec", "chdir", "identity"].contains(stage) else { return true }
    return [ENOMEM, EAGAIN, EMFILE, ENFILE, EIO].contains(error)
  }
}
