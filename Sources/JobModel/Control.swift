import Glibc
import Platform

/// What `jobd` can ask of the daemon that runs on the same state directory.
package enum ControlRequest: String, CaseIterable, Sendable {
  /// To replace its binary by the one that is in its file now.
  case upgrade
  /// To load certificates and keys anew.
  case reload
  /// How it is.
  case status
}

/// The daemon's answer.
package enum ControlReply: Equatable, Sendable {
  case done(String)
  case failed(String)

  package var encoded: String {
    switch self {
    case .done(let text): "done \(text)"
    case .failed(let text): "failed \(text)"
    }
  }

  package init(encoded: String) {
    let text = encoded.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = text.count > 1 ? String(text[1]) : ""
    self = text.first == "done" ? .done(rest) : .failed(rest)
  }
}

/// The control socket's place in a state directory.
package enum ControlAddress {
  package static func path(in directory: String) -> String { "\(directory)/control" }

  package static func socket() throws(SystemError) -> Int32 {
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(AF_UNIX, type, 0)
    guard socket >= 0 else { throw SystemError(errno, "make a socket") }
    return socket
  }

  /// Calls `body` with the address. However long the directory's path is, it is no longer than sun_path (unix(7)):
  /// the directory is named by a descriptor.
  package static func with(_ directory: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool
  {
    let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { return false }
    defer { close(opened) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: "/proc/self/fd/\(opened)/control".utf8)
    }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}

/// Asks the daemon on a state directory.
package enum ControlClient {
  /// Whether somebody would answer.
  package static func canConnect(_ directory: String) -> Bool {
    guard let socket = try? ControlAddress.socket() else { return false }
    defer { close(socket) }
    return ControlAddress.with(directory) { connect(socket, $0, $1) == 0 }
  }

  package static func ask(_ request: ControlRequest, _ directory: String) throws(DaemonError) -> ControlReply
  {
    let nobody = DaemonError("no jobd serves the state directory \(directory)")
    do {
      let socket = try ControlAddress.socket()
      defer { close(socket) }
      guard ControlAddress.with(directory, { connect(socket, $0, $1) == 0 }) else {
        guard errno != ENOENT && errno != ECONNREFUSED else { throw nobody }
        throw SystemError(errno, "connect to \(ControlAddress.path(in: directory))")
      }
      let bytes = Array(request.rawValue.utf8)
      guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw nobody }
      if request == .status {
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      }
      var buffer = [UInt8](repeating: 0, count: 65536)
      var count = -1
      repeat { count = recv(socket, &buffer, buffer.count, 0) } while count < 0 && errno == EINTR
      guard count >= 0 else {
        throw DaemonError("the daemon does not answer: no supervisor lives, or it is stopped")
      }
      guard count > 0 else { throw DaemonError("the daemon ended before it answered") }
      return ControlReply(encoded: String(decoding: buffer.prefix(count), as: UTF8.self))
    } catch let error as DaemonError {
      throw error
    } catch {
      throw DaemonError("\(error)")
    }
  }
}
