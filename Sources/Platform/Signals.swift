import Glibc

/// Signals of the calling thread.
package enum Signals {
  /// Whoever started this process may have had them blocked, which is inherited.
  package static func unblock() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }
}
