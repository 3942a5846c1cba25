import Glibc

/// Signals of the calling thread, and of those it starts.
package enum Signals {
  /// Whoever started this process may have had them blocked, which is inherited.
  package static func unblock() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  /// Those that end a program that a person runs, but those that whoever started it has had ignored: as nohup(1) does, and a
  /// shell that starts it with "&".
  package static var ending: [Int32] { [SIGINT, SIGTERM, SIGHUP, SIGQUIT].filter { !isIgnored($0) } }

  package static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
  }

  /// From here on they wait for ``next(of:)``.
  @discardableResult
  package static func hold(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    return set
  }

  /// Waits for one that is held.
  package static func next(of held: sigset_t) -> Int32 {
    var signal: Int32 = 0
    while withUnsafePointer(to: held, { sigwait($0, &signal) }) != 0 {}
    return signal
  }
}
