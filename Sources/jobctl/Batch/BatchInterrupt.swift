import Glibc
import Platform

/// Signals that end jobctl while a batch runs: how to go on is told before.
enum BatchInterrupt {
  /// From here on they are held back, in this thread and those it starts. `tell` is called in a thread of its own.
  static func tell(_ tell: @escaping @Sendable () -> Void) throws {
    let held = Signals.hold(Signals.ending)
    try SystemThread.detach {
      let signal = Signals.next(of: held)
      tell()
      _exit(128 + signal)
    }
  }
}
