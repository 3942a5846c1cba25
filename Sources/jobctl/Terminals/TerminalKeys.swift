import Glibc
import JobClient
import Platform

/// What is typed, on its way to the job: one thread reads it and looks for the keys that leave the job, another one sends what
/// is the job's.
final class TerminalKeys: Sendable {
  /// Why no more keys are read.
  enum End: Sendable {
    /// The keys were typed that leave the job.
    case left
    /// The terminal is gone.
    case hangup
  }

  private let settings: ConnectionSettings
  private let id: JobID
  private let writer: String
  private let keys: DetachKeys
  /// Ends of the pipe between the two threads.
  private let (from, to): (Int32, Int32)
  /// Another, which ends once the job has what was typed.
  private let (sentFrom, sentTo): (Int32, Int32)
  /// Milliseconds for which what was typed last may be on its way.
  private static let farewell: Int32 = 1000

  init(_ settings: ConnectionSettings, _ id: JobID, as writer: String, _ keys: DetachKeys) throws {
    (self.settings, self.id, self.writer, self.keys) = (settings, id, writer, keys)
    (from, to) = try Self.pipe()
    (sentFrom, sentTo) = try Self.pipe()
  }

  private static func pipe() throws -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw SystemError(errno, "make a pipe") }
    return (ends[0], ends[1])
  }

  /// `ended` is called once no more keys are read, and `failed` when they do not reach the job; each of a thread of its own.
  func start(ended: @escaping @Sendable (End) -> Void, failed: @escaping @Sendable (any Error) -> Void) throws
  {
    try SystemThread.detach { [self] in
      do { try send() } catch ClientError.notFound, ClientError.status(409, InputEnded.text, _) {
        // The job ended, or somebody hung its terminal up.
      } catch {
        failed(error)
      }
      close(sentTo)
    }
    try SystemThread.detach { [self] in
      let end = read()
      close(to)
      var sent = pollfd(fd: sentFrom, events: Int16(POLLIN), revents: 0)
      poll(&sent, 1, Self.farewell)
      ended(end)
    }
  }

  private func send() throws {
    let client = JobClient(settings)
    let bridge = Bridge(client)
    // The daemon has answered before: one that stalls now is waited for.
    bridge.reached()
    try InputSender(client, id, bridge, from: from, as: writer).send()
    // Others need not wait until it is known that this jobctl will not be back.
    try? client.leave(id, as: writer)
  }

  private func read() -> End {
    var (keys, keyboard) = (keys, Keyboard())
    while let typed = keyboard.next(within: keys.holdsBack ? keys.patience : -1) {
      if typed.isEmpty { pass(keys.release()) }
      let (passed, isLeft) = keys.take(typed)
      pass(passed)
      if isLeft { return .left }
    }
    return .hangup
  }

  private func pass(_ bytes: [UInt8]) {
    // Nobody reads them when the job has ended, which ends jobctl.
    bytes.withUnsafeBytes { try? Terminal.write($0, to: to) }
  }
}
