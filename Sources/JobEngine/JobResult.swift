import CJobEngine
import Glibc
import JobAPI
import JobModel
import Platform

extension JobRecord {
  /// Takes over how the engine saw the job end.
  package mutating func take(_ result: jc_job_result) {
    // The clock may have been set back meanwhile.
    finished = max(result.finished_us, result.started_us, created)
    takeCounts(result)
    userTime = result.user_us
    systemTime = result.system_us
    peakMemory = result.max_rss_kib
    guard result.error == 0 else {
      state = .error
      error = Self.startFailure(result)
      if result.hasRun { end(by: .lost) } else if !result.isStopped { endedBy = nil }
      exitCode = result.commandError?.exitCode ?? 0
      return
    }
    state = .completed
    started = max(result.started_us, created)
    exitCode = result.exit_code
    signal = result.signal
    if result.timed_out { flags.insert(.timedOut) }
    if result.limit_killed { flags.insert(.limitKilled) }
    throttled = result.throttled_us
    end(by: result.cause)
    takeOutput(result)
    if error == nil { error = Self.leftover(result) }
  }

  /// Of a job that ran: what there is of its output, and what went wrong with it.
  package mutating func takeOutput(_ result: jc_job_result) {
    takeCounts(result)
    if stdout.dropped > 0 || stderr.dropped > 0 { flags.insert(.truncated) }
    if let failure = Self.outputFailure(result) { error = failure }
  }

  private mutating func takeCounts(_ result: jc_job_result) {
    stdout = StreamCount(kept: result.bytes.0, dropped: result.dropped.0)
    stderr = StreamCount(kept: result.bytes.1, dropped: result.dropped.1)
  }

  package static func startFailure(_ result: jc_job_result) -> String {
    let stage = result.error_stage.map { String(cString: $0) } ?? "start"
    switch stage {
    case "wait": return "the job ended, and its exit status was lost: its parent did not tell it"
    case "kill":
      return "the job cannot be ended: SIGKILL to process \(result.left_pid): "
        + (result.error == EPERM
          ? "\(SystemError.text(of: EPERM)) (it is another user's)" : "it waits in the kernel")
    case "start" where result.error == ECANCELED:
      return "the job was stopped before its program was started, which took long"
    default: break
    }
    let subject = result.error_subject.map { " \"\(shortened(String(cString: $0)))\"" } ?? ""
    return "cannot start the job: \(stage)\(subject): \(SystemError.text(of: result.error))"
  }

  /// A client may name a program by megabytes; the message is kept in memory.
  private static func shortened(_ name: String) -> String {
    let most = 200
    guard name.utf8.count > most else { return name }
    return String(String.UnicodeScalarView(name.unicodeScalars.prefix(most))) + "..."
  }

  /// What became of the job's processes, or of what they wrote, that its exit code does not tell.
  private static func leftover(_ result: jc_job_result) -> String? {
    if result.left { return "processes of the job are left that cannot be ended" }
    guard result.forced_eof else { return nil }
    return "output was cut off: a process that left the job kept it open after the job's end"
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
  /// What the engine did that began the job's end; nil: nothing.
  fileprivate var cause: EndedBy? {
    if timed_out { return .timeout }
    if oom_killed { return .memory }
    return limit_killed ? .outputLimit : nil
  }

  /// Whether it ran though there is an error: nobody knows how it ended, or it cannot be ended.
  package var hasRun: Bool { ["wait", "kill", "watch"].contains(stage) }
  /// Whether it was told to end before its program ran.
  package var isStopped: Bool { error == ECANCELED && stage == "start" }
  private var stage: String { error_stage.map { String(cString: $0) } ?? "" }

  fileprivate var commandError: CommandError? {
    guard stage == "exec", !isFaultOfSystem else { return nil }
    return error == ENOENT ? .notFound : .notExecutable
  }

  /// Whether what kept the job from starting lies in this system, not in what the job asks for.
  package var isFaultOfSystem: Bool {
    guard ["exec", "chdir", "identity"].contains(stage) else { return error != ECANCELED }
    return [ENOMEM, EAGAIN, EMFILE, ENFILE, EIO].contains(error)
  }
}
