import Glibc
import Platform

/// Signals that end jobctl while a batch runs: how to go on is told before. Those that whoever started jobctl has had ignored
/// stay so.
enum BatchInterrupt {
  /// From here on they are held back, in this thread and those it starts. `tell` is called in a thread of its own.
  static func tell(_ tell: @escaping @Sendable () -> Void) throws {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in SignalForwarder.forwarded { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let waited = set
    try SystemThread.detach {
      var signal: Int32 = 0
      while withUnsafePointer(to: waited, { sigwait($0, &signal) }) != 0 {}
      tell()
      _exit(128 + signal)
    }
  }
}
