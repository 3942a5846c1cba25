import CJobCore
import Glibc

/// One api process and the channel to it. Supervisor's thread only.
final class ApiChild {
  let pid: pid_t
  private(set) var channel: MessageChannel?
  private var exit: LoopReadable?
  private let exitDescriptor: Int32
  /// It said hello: it is told of every change.
  var isGreeted = false
  /// It was asked to finish.
  private(set) var isDraining = false
  let startedAt = Clock.monotonic()

  /// Starts `jobd api` with the channel as descriptor 3 and the listeners after it. `onOrder` gets its messages,
  /// `onExit` its wait status, once.
  init(
    loop: EventLoop, listeners: [Int32], onOrder: @escaping (ApiChild, UnsafeRawBufferPointer) -> Void,
    onExit: @escaping (ApiChild, Int32) -> Void
  ) throws(SystemError) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else {
      throw SystemError(errno, "make a socket pair")
    }
    defer { close(ends[1]) }
    do {
      pid = try Self.spawn([ends[1]] + listeners)
    } catch {
      close(ends[0])
      throw error
    }
    exitDescriptor = jc_pidfd_open(pid)
    guard exitDescriptor >= 0 else {
      close(ends[0])
      throw SystemError(exitDescriptor, "watch the api process")
    }
    channel = try MessageChannel(
      loop: loop, descriptor: ends[0], onMessage: { [unowned self] in onOrder(self, $0) }, onClosed: { _ in })
    exit = try LoopReadable(loop, descriptor: exitDescriptor) { [unowned self] in
      let status = self.reap()
      onExit(self, status)
    }
  }

  deinit {
    exit = nil
    close(exitDescriptor)
  }

  private func reap() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    exit = nil
    channel = nil
    return status
  }

  func send(_ notice: Notice) { channel?.send(notice.encode()) }

  func send(encoded: [UInt8]) { channel?.send(encoded) }

  /// Bytes it has not taken yet.
  var queued: Int { channel?.queued ?? 0 }

  /// Asks it to finish its replies and exit.
  func drain() {
    isDraining = true
    send(.drain)
  }

  /// Ends it at once.
  func kill() { _ = Glibc.kill(pid, SIGKILL) }

  /// The same binary in its other role, in a process group of its own so that a Ctrl-C reaches the supervisor
  /// alone; descriptors 0 to 2 are inherited and `passed` become 3, 4, ...
  private static func spawn(_ passed: [Int32]) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // Move them out of the way first: a target may be another's source.
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    for descriptor in passed {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3 + Int32(passed.count))
      guard copy >= 0 else { throw SystemError(errno, "pass a descriptor to the api process") }
      copies.append(copy)
    }
    for (index, copy) in copies.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, copy, 3 + Int32(index))
    }
    setAttributes(&attributes)
    return try spawn(&actions, &attributes, listeners: passed.count - 1)
  }

  private static func setAttributes(_ attributes: inout posix_spawnattr_t) {
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
  }

  private static func spawn(
    _ actions: inout posix_spawn_file_actions_t, _ attributes: inout posix_spawnattr_t, listeners: Int
  ) throws(SystemError) -> pid_t {
    let arguments = ["jobd", "api", String(listeners)]
    var pid: pid_t = 0
    let vector = arguments.map { strdup($0) } + [nil]
    defer { for text in vector { free(text) } }
    let status = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, vector, environ)
    guard status == 0 else { throw SystemError(status, "start the api process") }
    return pid
  }
}
