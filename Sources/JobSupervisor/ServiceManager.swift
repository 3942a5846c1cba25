import CPlatform
import Glibc
import JobLoop
import JobModel
import Platform

/// The service manager that started the daemon, if one listens (sd_notify(3)): it is told how the daemon is, and holds
/// copies of descriptors for the daemon that comes after this one. Supervisor's thread only.
final class ServiceManager {
  /// The socket it listens at; nil: nobody does.
  let address: String?
  private let log: Log
  private var timer: LoopTimer!
  /// What it has no room for at the moment, in order.
  private var waiting: [Message] = []
  private var isGone = false

  enum State {
    case ready(address: String)
    case reloading, stopping
  }

  private struct Message {
    let text: String
    /// Closed when it was sent; -1: none.
    var descriptor: Int32 = -1
  }

  /// Milliseconds between attempts while it does not keep up.
  private static let pause: UInt64 = 5

  init(_ loop: EventLoop, _ address: String?, log: Log) throws(SystemError) {
    self.address = address
    self.log = log
    timer = try LoopTimer(loop) { [unowned self] in self.sendWaiting() }
  }

  /// Whether it has taken all it was told.
  var isIdle: Bool { waiting.isEmpty }

  func notify(_ state: State) {
    switch state {
    case .ready(let address):
      send(Message(text: "READY=1\nMAINPID=\(getpid())\nSTATUS=Listens at \(address)"))
    case .reloading: send(Message(text: "RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonic())"))
    case .stopping: send(Message(text: "STOPPING=1"))
    }
  }

  /// Has it hold `descriptor`, which is taken over, under `name`. It is not to look at it: an end of file is no
  /// reason to let go.
  func hold(_ descriptor: Int32, as name: String) {
    send(Message(text: "FDSTORE=1\nFDPOLL=0\nFDNAME=\(name)", descriptor: descriptor))
  }

  /// Has it close all it holds under `name`.
  func letGo(_ name: String) { send(Message(text: "FDSTOREREMOVE=1\nFDNAME=\(name)")) }

  private func send(_ message: Message) {
    waiting.append(message)
    if waiting.count == 1 { sendWaiting() }
  }

  private func sendWaiting() {
    var sent = 0
    for message in waiting {
      guard deliver(message) else { break }
      if message.descriptor >= 0 { close(message.descriptor) }
      sent += 1
    }
    waiting.removeFirst(sent)
    if !waiting.isEmpty { timer.start(milliseconds: Self.pause) }
  }

  /// False: it is to be tried again.
  private func deliver(_ message: Message) -> Bool {
    guard let address else { return true }
    let status = withUnsafePointer(to: message.descriptor) {
      jp_notify(address, message.text, message.text.utf8.count, $0, message.descriptor < 0 ? 0 : 1)
    }
    if [EAGAIN, ENOBUFS, EMFILE, ENFILE, ENOMEM].contains(-status) { return false }
    if status < 0, !isGone {
      log.warn("service_manager_gone", ["socket": address, "error": SystemError.text(of: -status)])
    }
    isGone = status < 0
    return true
  }
}

/// What a service manager passes to the program it starts (sd_listen_fds(3), sd_notify(3)).
package struct ServiceEnvironment {
  var notifySocket: String?
  /// What it held for the predecessor of this daemon.
  var descriptors: [(name: String, descriptor: Int32)] = []

  package init(notifySocket: String? = nil) { self.notifySocket = notifySocket }

  private static let names = [
    "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID",
  ]
  private static let first: Int32 = 3

  /// Takes it out of the environment: nothing of it is for the processes this one starts. Before any other thread
  /// runs.
  package static func take() -> ServiceEnvironment {
    let values = Environment.all
    for name in names { unsetenv(name) }
    var taken = ServiceEnvironment(notifySocket: values["NOTIFY_SOCKET"])
    guard values["LISTEN_PID"] == "\(getpid())", let count = Int32(values["LISTEN_FDS"] ?? ""), count > 0
    else {
      return taken
    }
    let names = (values["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
    for descriptor in first..<first &+ min(count, Int32.max - first) {
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { break }
      let index = Int(descriptor - first)
      taken.descriptors.append((names.indices.contains(index) ? String(names[index]) : "", descriptor))
    }
    return taken
  }
}
