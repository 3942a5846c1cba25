import Glibc
import JobAPI
import JobClient
import Platform

/// Forwards jobctl's own standard input to a job, over a connection that is made when there is something to forward.
enum StandardInput {
  private static let block = 1 << 17

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

  /// Starts copying, until the input or the job ends.
  static func forward(to id: JobID, _ settings: ConnectionSettings) throws {
    var settings = settings
    // A job may take its time to read.
    settings.replyTimeout = 0
    let final = settings
    try SystemThread.detach {
      do {
        try copy(to: id, JobClient(final))
      } catch ClientError.notFound, ClientError.status(409, InputEnded.text, _) {
        // The job ended, or closed its input.
      } catch {
        Terminal.complain("jobctl: standard input does not reach the job any longer: \(error)")
      }
    }
  }

  /// Each piece is sent until it was taken: what is sent twice is known by its offset.
  private static func copy(to id: JobID, _ client: JobClient) throws {
    let bridge = Bridge(client)
    var offset: UInt64 = 0
    while true {
      let bytes = readSome()
      try bridge.call { try client.feed(id, bytes, at: offset, close: bytes.isEmpty) }
      if bytes.isEmpty { return }
      offset += UInt64(bytes.count)
    }
  }

  /// Empty at the end of the input.
  private static func readSome() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: block) { buffer, count in
      var result = -1
      repeat {
        result = read(STDIN_FILENO, buffer.baseAddress!, buffer.count)
      } while result < 0 && mustRetry()
      count = max(0, result)
    }
  }

  private static func mustRetry() -> Bool {
    if errno == EINTR { return true }
    guard errno == EAGAIN else { return false }
    // Somebody who shares it made it non-blocking.
    var wait = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, -1) >= 0 || errno == EINTR
  }
}
