import Glibc
import JobLoop
import JobModel
import Platform

/// What an operator says to the running daemon, and its answer: `jobd upgrade`, `jobd reload` and `jobd status`, each
/// one message over a socket in the state directory that its owner alone can open. The keeper holds the socket, so that
/// who comes while the supervisor is replaced waits for the next one. Supervisor's thread only.
final class ControlSocket {
  /// Who asked, to be answered once and closed.
  final class Asker {
    let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    func answer(_ reply: ControlReply) {
      let bytes = Array(reply.encoded.utf8)
      _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
  }

  static let name = "control"
  static let askerName = "control-asker"

  private let loop: EventLoop
  private let descriptor: Int32
  private let onRequest: (ControlRequest, Asker) -> Void
  private var readable: LoopWatcher?
  /// Those who have not said yet what they want.
  private var silent: [(asker: Asker, readable: LoopWatcher)] = []
  private static let mostSilent = 64

  /// `held`: the predecessor's socket.
  init(
    _ loop: EventLoop, _ directory: String, held: Int32?, _ keeper: Keeper,
    onRequest: @escaping (ControlRequest, Asker) -> Void
  ) throws(SystemError) {
    (self.loop, self.onRequest) = (loop, onRequest)
    // One whose file was removed is no way in any more.
    if let held, access(ControlAddress.path(in: directory), F_OK) == 0 {
      descriptor = held
    } else {
      if let held { close(held) }
      descriptor = try Self.listen(directory)
      try keeper.hold(descriptor, as: Self.name)
    }
    readable = try LoopWatcher(loop, descriptor: descriptor) { [unowned self] in self.accept() }
  }

  deinit {
    readable = nil
    close(descriptor)
  }

  private static func listen(_ directory: String) throws(SystemError) -> Int32 {
    let socket = try ControlAddress.socket()
    let path = ControlAddress.path(in: directory)
    unlink(path)
    let before = umask(0o177)
    defer { umask(before) }
    let isBound = ControlAddress.with(directory) { bind(socket, $0, $1) == 0 }
    guard isBound, Glibc.listen(socket, 64) == 0 else {
      let code = errno
      close(socket)
      throw SystemError(code, "listen at \(path)")
    }
    return socket
  }

  private func accept() {
    let accepted = Glibc.accept(descriptor, nil, nil)
    guard accepted >= 0 else { return }
    _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
    let asker = Asker(accepted)
    // Who says nothing makes room for who does.
    if silent.count == Self.mostSilent { silent.removeFirst() }
    if let readable = try? LoopWatcher(loop, descriptor: accepted, { [unowned self] in self.read(accepted) })
    {
      silent.append((asker, readable))
    }
  }

  private func read(_ descriptor: Int32) {
    guard let index = silent.firstIndex(where: { $0.asker.descriptor == descriptor }) else { return }
    let asker = silent.remove(at: index).asker
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count > 0 else { return }
    let text = String(decoding: buffer.prefix(count), as: UTF8.self)
    guard let request = ControlRequest(rawValue: text) else {
      return asker.answer(.failed("this jobd does not know the request \"\(text)\""))
    }
    onRequest(request, asker)
  }
}
