import CPlatform
import Glibc
import JobLoop
import JobModel
import Platform

/// One api process and the channel to it. Supervisor's thread only.
final class ApiChild {
  let pid: pid_t
  /// No other api process of this supervisor has or had it.
  let number: Int
  private(set) var channel: MessageChannel?
  private var exit: LoopWatcher?
  private var end: LoopTimer?
  private let exitDescriptor: Int32
  /// It said hello: it is told of every change.
  var isGreeted = false
  /// It was asked to finish.
  private(set) var isDraining = false
  /// It gives no reply any more but those that follow output or events.
  var isDrained = false
  let startedAt = Clock.monotonic()
  /// What it said before it ended.
  var failure: String?
  /// Who its requests are made for.
  private var peers: [UInt64: Peer] = [:]
  /// Some outlive their connections.
  private let mostPeers: Int
  /// When it sent something last.
  var lastSign = Clock.monotonic()
  /// Bytes of a file of authorities or revocation lists.
  private static let mostTrust = 64 << 20
  /// Milliseconds to exit in, once the channel is closed.
  private static let last: UInt64 = 1000

  /// Starts `jobd api` with the channel as descriptor 3 and `passed` after it, the last of which are `listeners`
  /// listening sockets. `onRequest` gets its messages, `onExit` its wait status, once.
  init(
    _ number: Int, connections: Int, loop: EventLoop, passing passed: [Int32], listeners: Int,
    onRequest: @escaping (ApiChild, UnsafeRawBufferPointer) -> Void,
    onExit: @escaping (ApiChild, Int32) -> Void
  ) throws(SystemError) {
    (self.number, mostPeers) = (number, 2 * connections + 1000)
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else {
      throw SystemError(errno, "make a socket pair")
    }
    defer { close(ends[1]) }
    do {
      pid = try ChildProcess.spawn(
        "/proc/self/exe", ["jobd", "api", String(listeners)], passing: [ends[1]] + passed)
    } catch {
      close(ends[0])
      throw error
    }
    exitDescriptor = jp_pidfd_open(pid)
    do throws(SystemError) {
      guard exitDescriptor >= 0 else { throw SystemError(exitDescriptor, "watch the api process") }
      exit = try LoopWatcher(loop, descriptor: exitDescriptor) { [unowned self] in
        let status = self.reap()
        onExit(self, status)
      }
      channel = try MessageChannel(
        loop: loop, descriptor: ends[0], onMessage: { [unowned self] in onRequest(self, $0) },
        onClosed: { [unowned self] error in
          // One that sends nonsense ends at once; one that closed its end, and lives on, soon.
          if error == 0 { self.kill(after: Self.last, loop) } else { self.kill() }
        })
    } catch {
      close(ends[0])
      ChildProcess.end(pid)
      throw error
    }
  }

  deinit {
    exit = nil
    close(exitDescriptor)
  }

  private func reap() -> Int32 {
    let status = ChildProcess.wait(for: pid)
    (exit, end) = (nil, nil)
    channel = nil
    return status
  }

  func add(_ peer: Peer, _ number: UInt64) throws(MalformedBytes) {
    guard peers.count < mostPeers, peers.updateValue(peer, forKey: number) == nil else {
      throw MalformedBytes()
    }
  }

  func forgetPeer(_ number: UInt64) { peers[number] = nil }

  /// Throws for one that it did not tell of.
  func peer(_ number: UInt64) throws(MalformedBytes) -> Peer {
    guard let peer = peers[number] else { throw MalformedBytes() }
    return peer
  }

  func send(_ event: SupervisorEvent) { channel?.send(event.encode()) }

  func send(encoded: [UInt8]) { channel?.send(encoded) }

  /// Bytes it has not taken yet.
  var queued: Int { channel?.queued ?? 0 }

  /// Asks it to finish its replies and exit.
  func drain() {
    isDraining = true
    send(.drain)
  }

  /// Another has taken its place: the same, with clients at once that are let in no more. Again after another change of
  /// who is.
  func retire(_ configuration: Configuration) throws(SystemError) {
    let authorities = try SmallFile.read(configuration.clientCAFile, most: Self.mostTrust)
    let revocations: [UInt8] =
      if let file = configuration.crlFile { try SmallFile.read(file, most: Self.mostTrust) } else { [] }
    isDraining = true
    let isPartial = configuration.listsArePartial
    send(.retire(authorities: authorities, revocations: revocations, isPartial: isPartial))
  }

  /// Ends it after some milliseconds.
  func kill(after milliseconds: UInt64, _ loop: EventLoop) {
    end = try? LoopTimer(loop) { [unowned self] in self.kill() }
    end?.start(milliseconds: milliseconds)
    if end == nil { kill() }
  }

  /// Ends it at once.
  func kill() { _ = Glibc.kill(pid, SIGKILL) }
}
