import Glibc

/// A descriptor to be given away, of which can be told whether anybody holds it still: its number tells nothing, since
/// another thread may have opened a file that has it now.
package final class WatchedDescriptor {
  package struct NoSocket: Error { let code: Int32 }

  /// To be closed by who it is given to.
  package let descriptor: Int32
  private let other: Int32

  package init() throws {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw NoSocket(code: errno) }
    (other, descriptor) = (ends[0], ends[1])
  }

  deinit { close(other) }

  package var isOpen: Bool {
    var asked = pollfd(fd: other, events: 0, revents: 0)
    return poll(&asked, 1, 0) != 1 || asked.revents & Int16(POLLHUP) == 0
  }

  /// A process that another test starts has a copy until its exec.
  package func waitUntilClosed() throws { try Poll.until("a descriptor to be closed") { !isOpen } }
}
