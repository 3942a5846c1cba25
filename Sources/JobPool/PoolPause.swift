import Glibc
import Platform

/// A wait for something to do, outside of a pool's lock.
final class PoolPause {
  /// Milliseconds of the monotonic clock; Int64.max: for ever.
  let until: Int64
  private var watched: [pollfd]
  private let process: Int32

  /// Until one of `descriptors` is readable, or a copy of `process`: whoever takes the event of its end away from
  /// others, it stays ended. -1: none.
  init(_ descriptors: [Int32], until: Int64, process: Int32 = -1) {
    self.until = until
    self.process = process >= 0 ? fcntl(process, F_DUPFD_CLOEXEC, 0) : -1
    watched = (descriptors + [self.process]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  }

  deinit { if process >= 0 { close(process) } }

  func wait() {
    let left = until == .max ? -1 : max(0, until - Clock.monotonic() / 1000 + 1)
    poll(&watched, nfds_t(watched.count), Int32(clamping: left))
  }
}
