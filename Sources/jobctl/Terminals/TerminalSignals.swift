import Glibc
import Platform

/// Signals that have to do with the terminal, in a thread that waits for them. Those that whoever started jobctl has had
/// ignored stay so, as nohup(1) does it.
enum TerminalSignals {
  /// Those that end jobctl wait from here on until they are handled, in this thread and those that it starts.
  static func holdEnding() { Signals.hold(Signals.ending) }

  /// From here on they are held back in this thread and those that it starts. `end` is called with one that ends the
  /// process, and is to end it.
  static func handle(
    _ terminal: LocalTerminal, resized: @escaping @Sendable () -> Void = {},
    redraw: @escaping @Sendable () -> Void = {},
    end: @escaping @Sendable (Int32) -> Void
  ) throws {
    let stopping = Signals.isIgnored(SIGTSTP) ? [] : [SIGTSTP]
    let held = Signals.hold(Signals.ending + stopping + [SIGCONT, SIGWINCH])
    try SystemThread.detach {
      while true {
        let signal = Signals.next(of: held)
        switch signal {
        case SIGWINCH: resized()
        case SIGTSTP:
          terminal.leave()
          kill(getpid(), SIGSTOP)
        // Also of one that SIGSTOP had stopped, for which the shell has taken the terminal back. In the background it
        // is not this process's, and comes with another CONT.
        case SIGCONT: if terminal.enter() { redraw() }
        default: end(signal)
        }
      }
    }
  }

  /// Ends this process as the signal would have.
  static func die(by number: Int32) -> Never {
    signal(number, SIG_DFL)
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, number)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
    _exit(128 + number)
  }
}
