import Glibc
import JobClient
import Platform

/// Sends the signals jobctl gets to the job it runs. Those that come before the job is known wait for it; a second
/// Ctrl-C ends the job's whole tree, and jobctl itself when the job is not known or cannot be told.
final class SignalForwarder: Sendable {
  private struct State {
    var job: JobID?
    var waiting: [Int32] = []
    var interrupts = 0
  }

  /// Milliseconds for a job that was accepted to have a process.
  private static let patience: Int64 = 5000
  private let state = Mutex(State())
  private let settings: ConnectionSettings

  /// From here on the signals are held back, in this thread and those it starts, and forwarded.
  init(_ settings: ConnectionSettings) throws {
    self.settings = settings
    let ending = Signals.ending
    guard !ending.isEmpty else { return }
    let held = Signals.hold(ending)
    try SystemThread.detach { [self] in
      while true { received(Signals.next(of: held)) }
    }
  }

  /// The job is known: what waited is sent to it.
  func forward(to job: JobID) throws {
    let waiting = state.withLock { state in
      state.job = job
      return state.waiting
    }
    guard !waiting.isEmpty else { return }
    try SystemThread.detach { [self] in
      for signal in waiting { send(signal, to: job, isSecond: false) }
    }
  }

  private func received(_ signal: Int32) {
    let (job, interrupts) = state.withLock { state in
      if signal == SIGINT { state.interrupts += 1 }
      if state.job == nil { state.waiting.append(signal) }
      return (state.job, state.interrupts)
    }
    let isSecond = interrupts > 1
    if let job { return send(signal, to: job, isSecond: isSecond) }
    if isSecond { _exit(128 + signal) }
  }

  private func send(_ signal: Int32, to job: JobID, isSecond: Bool) {
    let number = signal == SIGINT && isSecond ? SIGKILL : signal
    // A terminal sends its signals to all processes of a job; TERM is one process's to handle.
    let request = SignalRequest(signal: SignalName(number: number)!, tree: signal == SIGTERM ? nil : true)
    let deadline = Deadline(after: Self.patience)
    while true {
      do {
        return try JobClient(settings).signal(job, request)
      } catch .status(409, _, _) where deadline.left > 0 {
        if takeOut(job) { return }
        // It has not started yet, or has just ended, which ends jobctl.
        usleep(20_000)
      } catch .notFound where deadline.left > 0 {
        // One that is removed with its result is not on record in its first moment; or it has ended, as above.
        usleep(20_000)
      } catch {
        Terminal.complain("jobctl: the signal did not reach the job: \(error)")
        if isSecond { _exit(ExitCode.connection.rawValue) }
        return
      }
    }
  }

  /// A job that waits for a slot has nobody to send a signal to: it is not to be started. False: it does not wait.
  private func takeOut(_ job: JobID) -> Bool {
    let client = JobClient(settings)
    guard let status = try? client.status(job), status.queued == true else { return false }
    return (try? StopCommand.stop(job, nil, client)) != nil
  }
}
