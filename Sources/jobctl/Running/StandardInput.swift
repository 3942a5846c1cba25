import Glibc
import JobAPI
import JobClient
import Platform

/// Forwards jobctl's own standard input to a job, over a connection that is made when there is something to forward.
final class StandardInput: Sendable {
  // One thread's at a time: that which connects has ended before the one that sends begins.
  private nonisolated(unsafe) let client: JobClient
  private let connecting: pthread_t

  /// False for one that is closed, /dev/null, a pipe that is at its end already, or a terminal that belongs to another
  /// job of the shell.
  static var canBeForwarded: Bool {
    var own = stat()
    var null = stat()
    guard fstat(STDIN_FILENO, &own) == 0, stat("/dev/null", &null) == 0 else { return false }
    if own.st_mode & S_IFMT == S_IFCHR, own.st_rdev == null.st_rdev { return false }
    var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    if poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLIN | POLLHUP) == Int16(POLLHUP) { return false }
    return isatty(STDIN_FILENO) == 0 || tcgetpgrp(STDIN_FILENO) == getpgrp()
  }

  /// Bytes of input that go with the request for the job.
  private static let mostWhole = 1 << 18

  /// All of it, where that is a file, or in a pipe that nobody writes to any more, and not too much. Nil: nothing was read.
  static func whole() -> [UInt8]? {
    var own = stat()
    guard fstat(STDIN_FILENO, &own) == 0 else { return nil }
    switch own.st_mode & S_IFMT {
    case S_IFREG:
      let place = lseek(STDIN_FILENO, 0, SEEK_CUR)
      guard place >= 0, own.st_size - place <= mostWhole else { return nil }
      if let bytes = SmallFile.whole(STDIN_FILENO, most: mostWhole) { return bytes }
      lseek(STDIN_FILENO, place, SEEK_SET)
      return nil
    case S_IFIFO:
      var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      var length: Int32 = 0
      guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLHUP) != 0,
        ioctl(STDIN_FILENO, UInt(FIONREAD), &length) == 0, length <= mostWhole
      else { return nil }
      return SmallFile.whole(STDIN_FILENO, most: mostWhole)
    default: return nil
    }
  }

  /// Connects meanwhile: the job that takes the input need not be known for that.
  init(_ settings: ConnectionSettings) throws {
    nonisolated(unsafe) let client = JobClient(settings)
    self.client = client
    connecting = try SystemThread.start(takesSignals: true) {
      var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      // What fails is tried again, and told, when the input is sent.
      if poll(&ready, 1, -1) == 1 { _ = try? client.connection() }
    }
  }

  /// Starts copying, until the input or the job ends. Once.
  func forward(to id: JobID) throws {
    try SystemThread.detach { [self] in
      pthread_join(connecting, nil)
      let bridge = Bridge(client)
      // The daemon has answered the job's creation: one that stalls afterwards is waited for.
      bridge.reached()
      do {
        try InputSender(client, id, bridge, from: STDIN_FILENO).send()
      } catch ClientError.notFound, ClientError.status(409, InputEnded.text, _) {
        // The job ended, or closed its input.
      } catch {
        Terminal.complain("jobctl: standard input does not reach the job any longer: \(error)")
      }
    }
  }
}
