import CPlatform
import Glibc

/// Signals that would end or stop the process, held back in the calling thread while this lives: as long as a terminal,
/// say, is not as it was.
package struct HeldSignals: ~Copyable {
  private let descriptor: Int32
  private let before: sigset_t
  private let held: sigset_t

  package init() throws(SystemError) {
    var (held, before) = (sigset_t(), sigset_t())
    sigemptyset(&held)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP] { sigaddset(&held, number) }
    descriptor = jp_signal_fd(&held)
    guard descriptor >= 0 else { throw SystemError(descriptor, "hold signals back") }
    pthread_sigmask(SIG_BLOCK, &held, &before)
    (self.held, self.before) = (held, before)
  }

  deinit {
    restore()
    close(descriptor)
  }

  /// Whether one of them came before there was something to read.
  package func wait(for input: Int32) throws(SystemError) -> Bool {
    var ready = [descriptor, input].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&ready, 2, -1) < 0 {
      guard errno == EINTR else { throw SystemError(errno, "wait for the terminal") }
    }
    return ready[0].revents != 0
  }

  /// They have their effect now. Those that the process ignores are gone.
  package func deliver() {
    restore()
    var held = held
    pthread_sigmask(SIG_BLOCK, &held, nil)
  }

  private func restore() {
    var before = before
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }
}
