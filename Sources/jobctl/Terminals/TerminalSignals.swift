import Glibc
import Platform

/// Signals that have to do with the terminal, in a thread that waits for them. Those that whoever started jobctl has had
/// ignored stay so, as nohup(1) does it.
enum TerminalSignals {
  private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
  }

  /// Those that end jobctl wait from here on until they are handled, in this thread and those that it starts.
  static func holdEnding() { _ = hold(ending.filter { !isIgnored($0) }) }

  private static func hold(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    return set
  }

  /// From here on they are held back in this thread and those that it starts. `end` is called with one that ends the
  /// process, and is to end it.
  static func handle(
    _ terminal: LocalTerminal, resized: @escaping @Sendable () -> Void = {},
    redraw: @escaping @Sendable () -> Void = {},
    end: @escaping @Sendable (Int32) -> Void
  ) throws {
    let waited = hold((ending + [SIGTSTP]).filter { !isIgnored($0) } + [SIGCONT, SIGWINCH])
    try SystemThread.detach {
      while true {
        var signal: Int32 = 0
        guard withUnsafePointer(to: waited, { sigwait($0, &signal) }) == 0 else { continue }
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
