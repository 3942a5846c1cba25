import Glibc

/// Signals of the calling thread.
package enum Signals {
  package static func block() {
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, nil)
  }

  /// Whoever started this process may have had them blocked, which is inherited.
  package static func unblock() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }
}
