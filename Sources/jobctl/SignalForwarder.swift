import Glibc
import JobAPI
import JobClient

/// Sends the signals jobctl gets to the job it runs.
enum SignalForwarder {
  private static let forwarded = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in forwarded { sigaddset(&set, signal) }
    return set
  }

  /// Holds signals back from here on, in this thread and those it starts, until they are forwarded: none is lost
  /// between the creation of the job and the knowledge of its id.
  static func hold() {
    var set = set
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  static func start(_ id: JobID, _ settings: ConnectionSettings) throws {
    try Background.run {
      var interrupts = 0
      var set = set
      while true {
        var signal: Int32 = 0
        guard sigwait(&set, &signal) == 0 else { continue }
        if signal == SIGINT { interrupts += 1 }
        send(signal, isSecond: interrupts > 1, id, settings)
      }
    }
  }

  private static func send(_ signal: Int32, isSecond: Bool, _ id: JobID, _ settings: ConnectionSettings) {
    let number = signal == SIGINT && isSecond ? SIGKILL : signal
    do {
      try JobClient(settings).signal(
        id, SignalRequest(signal: SignalName(number: number)!, tree: isSecond ? true : nil))
    } catch {
      Terminal.complain("jobctl: the signal did not reach the job: \(error)")
      // The user wants to stop, and the job cannot be told: the second time jobctl itself goes.
      if isSecond { exit(ExitStatus.connection.rawValue) }
    }
  }
}
