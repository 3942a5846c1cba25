import Glibc
import JobAPI
import JobClient

/// Forwards jobctl's own standard input to a job.
enum StandardInput {
  /// False for one that is closed or /dev/null: nothing to forward.
  static var hasSomething: Bool {
    var own = stat()
    var null = stat()
    guard fstat(STDIN_FILENO, &own) == 0, stat("/dev/null", &null) == 0 else { return false }
    return own.st_rdev != null.st_rdev || own.st_mode & S_IFMT != S_IFCHR
  }

  /// Starts copying, on a connection of its own, until the input or the job ends.
  static func forward(to id: JobID, _ settings: ConnectionSettings) throws {
    var settings = settings
    // A job may take its time to read.
    settings.replyTimeout = 0
    let final = settings
    try Background.run {
      do {
        try copy(to: id, final)
      } catch {
        // The job ended, or closed its input: how it ended is told by its status.
      }
    }
  }

  private static func copy(to id: JobID, _ settings: ConnectionSettings) throws {
    let connection = try Connection(settings)
    try connection.begin("PUT", Route.stdin.target(id), length: -1)
    var block = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(STDIN_FILENO, &block, block.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      try connection.write(block[0..<count])
    }
    try connection.finish()
    _ = try connection.reply()
  }
}
